"""Seconds, memory and exactness of the search for duplicates, and copies found: `python scripts/bench_duplicates.py`.

    python scripts/bench_duplicates.py speed --rows 1000000 --shape noise
    python scripts/bench_duplicates.py exact
    python scripts/bench_duplicates.py copies --data mnist fashion_mnist cifar10_sheets

Pictures are those of POOLWISE_DATA. `copies` learns two embeddings from the pictures, without labels: principal
components of the pixels, and patches. Memory is the peak of the process, the embeddings themselves included.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from omegaconf import OmegaConf

import poolwise
from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import Split
from poolwise.geometry.near_pairs import near_pairs
from poolwise.model.patches import PatchNetwork, learn_patches

Embed = Callable[[np.ndarray], np.ndarray]


def embeddings(shape: str, rows: int, width: int = 128) -> np.ndarray:
    """(rows, width) noise, or a thousand Gaussian clusters; 1 row in 100 is a copy of another with a little noise."""
    draw = np.random.default_rng(0)
    points = draw.standard_normal((rows, width), dtype=np.float32)
    if shape == "clusters":
        centres = draw.standard_normal((1000, width), dtype=np.float32)
        for at in range(0, rows, 100_000):
            part = points[at : at + 100_000]
            part *= 0.5
            part += centres[draw.integers(1000, size=len(part))]
    copies = rows // 100
    points[-copies:] = points[:copies] + 0.2 * draw.standard_normal((copies, width), dtype=np.float32)
    return points


def speed(rows: int, shape: str, threshold: float) -> None:
    """One row of a table."""
    points = embeddings(shape, rows)
    wall, cpu = time.perf_counter(), time.process_time()
    found = near_pairs(points, threshold)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"| {shape} | {rows} x 128 | {threshold} | {len(found.rows)} | {wall:.0f} | {cpu:.0f} | {peak:.1f} |",
        flush=True,
    )


def exact(rows: int, shape: str, threshold: float) -> None:
    """Compare with all cosines in float64, block by block."""
    points = embeddings(shape, rows)
    unit = points.astype(np.float64) / np.linalg.norm(points.astype(np.float64), axis=1, keepdims=True)
    pairs = []
    for at in range(0, rows, 1000):
        first, second = np.nonzero(unit[at : at + 1000] @ unit.T >= threshold - 1e-6)
        pairs.append(np.column_stack([first + at, second])[first + at < second])
    same = np.array_equal(near_pairs(points, threshold).rows, np.concatenate(pairs))
    print(
        f"| {shape} | {rows} | {threshold} | {sum(map(len, pairs))} | {'equal' if same else 'DIFFERENT'} |", flush=True
    )


def components(pictures: np.ndarray, width: int = 128) -> Embed:
    """Principal components of the pixels."""
    flat = pictures.reshape(len(pictures), -1) / np.float32(255)
    centre = flat.mean(axis=0)
    directions = np.linalg.eigh((flat - centre).T @ (flat - centre))[1][:, ::-1][:, :width]
    return lambda some: (some.reshape(len(some), -1) / np.float32(255) - centre) @ directions


def patches(pictures: np.ndarray) -> Embed:
    """The network of `model=patches`, learnt from these pictures."""
    network = PatchNetwork(learn_patches(pictures, 0))
    return torch.no_grad()(lambda some: network(torch.from_numpy(some).float() / 127.5 - 1).numpy())


def copies(name: str, sample: int, planted: int) -> None:
    """Recall of planted copies at precision .95: by the cosine .9, by a calibrated cosine, with pixels."""
    images = build_part(OmegaConf.load(conf_dir() / "data" / f"{name}.yaml"), where="data")
    pool = images.manifest.ids(Split.POOL)
    pictures = images.read(np.sort(np.random.default_rng(0).permutation(pool)[:sample]))
    for called, embed in (("components", components(pictures)), ("patches", patches(pictures))):
        for pixels in (False, True):
            began = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the table says what is reached
                got = poolwise.calibrate_threshold(pictures, embed, pixels=pixels, sample=sample, copies=planted)
            took = time.perf_counter() - began
            score = "" if got.alike is None else f"{got.alike:.3f}"
            kinds = " ".join(f"{kind} {share:.2f}" for kind, share in got.by_kind.items())
            limits = f"{got.cosine:.3f} | {score} | {got.recall:.3f} | {got.precision:.3f}"
            print(f"| {name} | {called} | {limits} | {took:.0f} | {kinds} |", flush=True)


def main() -> None:
    """A table of what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "exact", "copies"])
    parser.add_argument("--rows", type=int, help="1000000 for speed, 20000 for exact")
    parser.add_argument("--shape", nargs="+", choices=["clusters", "noise"], default=["clusters", "noise"])
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--data", nargs="+", default=["mnist", "fashion_mnist", "cifar10_sheets"])
    parser.add_argument("--sample", type=int, default=3000)
    parser.add_argument("--copies", type=int, default=500)
    options = parser.parse_args()
    if options.what == "copies":
        if not os.environ.get("POOLWISE_DATA"):
            parser.error("set POOLWISE_DATA to the folder of the pictures")
        print(
            "| pictures | embedding | cosine | alike | recall | precision | s | recall by kind |\n" + "| --- " * 8 + "|"
        )
        for name in options.data:
            copies(name, options.sample, options.copies)
        return
    heads = {
        "speed": "| shape | embeddings | threshold | pairs | s | CPU s | peak GB |",
        "exact": "| shape | rows | threshold | pairs | against all with all |",
    }
    print(heads[options.what] + "\n" + "| --- " * (heads[options.what].count("|") - 1) + "|")
    for shape in options.shape:
        if options.what == "speed":
            speed(options.rows or 1_000_000, shape, options.threshold)
        else:
            exact(options.rows or 20_000, shape, options.threshold)


if __name__ == "__main__":
    main()

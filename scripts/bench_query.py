"""Time and peak extra memory of query strategies; each runs in a process of its own.

python scripts/bench_query.py                                    60,000 x 256, 10 classes, batch of 1,000
python scripts/bench_query.py --samples 1000000 --names margin   one of them, on a larger pool
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import PoolView

PROCESS = Path("/proc/self")
"""Linux tells a process its memory here."""


def pool(samples: int, width: int, classes: int, labelled: int, shape: str) -> PoolView:
    """Embeddings around one centre a class ("blobs"), around none ("noise"), or bent from 6 dimensions ("surface")."""
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((samples, 6 if shape == "surface" else width), dtype=np.float32)
    if shape == "surface":
        embeddings = np.maximum(embeddings @ rng.standard_normal((6, width), dtype=np.float32), 0)
    centres = 2 * rng.standard_normal((classes, width), dtype=np.float32) / np.sqrt(width / 8)
    own = rng.integers(classes, size=samples)
    if shape == "blobs":
        for number in range(classes):
            embeddings[own == number] += centres[number]
    logits = embeddings @ centres.T
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    return PoolView(
        ids=np.arange(samples - labelled) + labelled,
        probs=probs[labelled:],
        embeddings=embeddings[labelled:],
        labelled_ids=np.arange(labelled),
        labels=own[:labelled],
        labelled_embeddings=embeddings[:labelled],
    )


def measure(name: str, options: argparse.Namespace) -> tuple[list[float], float]:
    """Seconds of each repeat, and MiB by which the process grew beyond its inputs."""
    strategy = build_part(OmegaConf.load(conf_dir() / "query" / f"{name}.yaml"))
    view = pool(options.samples, options.width, options.classes, options.labelled, options.shape)
    strategy.select(small(view), 20, np.random.default_rng(0))  # imports and threads are not what is measured
    (PROCESS / "clear_refs").write_text("5")  # the peak starts anew from what is in use now
    before = memory("VmRSS")
    seconds = []
    for repeat in range(options.repeats):
        began = time.perf_counter()
        strategy.select(view, options.size, np.random.default_rng(repeat))
        seconds.append(time.perf_counter() - began)
    return seconds, memory("VmHWM") - before


def memory(field: str) -> float:
    """MiB of this process: VmRSS in use now, VmHWM at the peak."""
    lines = (PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def small(view: PoolView) -> PoolView:
    """The first 200 candidates."""
    arrays = (view.probs, view.embeddings)
    probs, embeddings = (None if array is None else array[:200] for array in arrays)
    return PoolView(ids=view.ids[:200], probs=probs, embeddings=embeddings)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag, default in (("samples", 60_000), ("width", 256), ("classes", 10), ("size", 1000), ("labelled", 1000)):
        parser.add_argument(f"--{flag}", type=int, default=default)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shape", choices=["blobs", "noise", "surface"], default="blobs")
    parser.add_argument(
        "--names", nargs="*", default=sorted(path.stem for path in (conf_dir() / "query").glob("*.yaml"))
    )
    options = parser.parse_args()
    print(f"{options.samples} x {options.width}, {options.classes} classes, batch {options.size}, {options.shape}")
    print(f"{'strategy':<18}{'median s':>10}{'slowest s':>11}{'extra MiB':>11}")
    for name in options.names:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
            seconds, extra = fresh.submit(measure, name, options).result()
        print(f"{name:<18}{statistics.median(seconds):>10.2f}{max(seconds):>11.2f}{extra:>11.0f}", flush=True)


if __name__ == "__main__":
    main()

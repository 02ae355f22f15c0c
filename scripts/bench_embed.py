"""Compare embedding photographs with the obvious script: PIL, a DataLoader, the network as it is.

python scripts/bench_embed.py FOLDER [--pictures 400] [--repeats 3]

Both sides run in turn in processes of their own, on the same cores, decoding included. Printed: pictures a second of each
(medians), their ratio, the largest difference between the embeddings, and the peak memory beyond the imports.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIDE = 224


def files_of(folder: Path, count: int) -> list[Path]:
    """Return some of the pictures in a folder."""
    found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in {".jpg", ".jpeg", ".png"})
    return found[:: max(1, len(found) // count)][:count]


def obvious(files: list[Path]) -> np.ndarray:
    """Embed as most people would."""
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    from poolwise.model.timm_backbone import TimmBackbone

    prepare = transforms.Compose([
        transforms.Resize(round(SIDE / 0.875), transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(SIDE),
        transforms.ToTensor(),
        transforms.Normalize([127 / 255] * 3, [128 / 255] * 3),
    ])  # fmt: skip

    class Pictures(Dataset):
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, at: int) -> torch.Tensor:
            return prepare(Image.open(files[at]).convert("RGB"))

    network = TimmBackbone().build((3, SIDE, SIDE)).eval()
    with torch.no_grad():
        return torch.cat([network(batch) for batch in DataLoader(Pictures(), batch_size=32, num_workers=2)]).numpy()


def ours(files: list[Path]) -> np.ndarray:
    """Embed by poolwise."""
    import poolwise

    return poolwise.embed(files)


def one(side: str, folder: Path, count: int, out: Path) -> None:
    """Embed on one side, and print how fast and in how much memory."""
    import timm  # noqa: F401
    import torchvision  # noqa: F401

    import poolwise.model.api  # noqa: F401  imports are not what is compared

    files, before = files_of(folder, count), peak()
    start = time.perf_counter()
    found = {"ours": ours, "obvious": obvious}[side](files)
    seconds = time.perf_counter() - start
    np.save(out, found)
    sys.stdout.write(json.dumps({"rate": len(files) / seconds, "megabytes": peak() - before}))


def peak() -> float:
    """Return the largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Compare both sides."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--side", choices=["ours", "obvious"])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.side:
        one(options.side, options.folder, options.pictures, options.out)
        return
    rates: dict[str, list[float]] = {"ours": [], "obvious": []}
    memory: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(options.repeats):
            for side, found in rates.items():
                command = [sys.executable, __file__, str(options.folder), "--pictures", str(options.pictures)]
                done = subprocess.run(
                    [*command, "--side", side, "--out", f"{scratch}/{side}.npy"],
                    capture_output=True,
                    check=True,
                    env=os.environ,
                )
                told = json.loads(done.stdout)
                found.append(told["rate"])
                memory[side] = told["megabytes"]
        values = {side: np.load(f"{scratch}/{side}.npy") for side in rates}
    medians = {side: statistics.median(found) for side, found in rates.items()}
    cosines = (
        (values["ours"] * values["obvious"]).sum(1)
        / np.linalg.norm(values["ours"], axis=1)
        / np.linalg.norm(values["obvious"], axis=1)
    )
    for side, rate in medians.items():
        print(f"{side}: {rate:.1f} pictures a second, {memory[side]:.0f} MB beyond the imports")
    print(f"ratio: {medians['ours'] / medians['obvious']:.2f}")
    print(f"cosine of both sides' embeddings: least {cosines.min():.5f}, median {np.median(cosines):.5f}")


if __name__ == "__main__":
    main()

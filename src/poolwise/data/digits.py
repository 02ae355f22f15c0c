"""The handwritten digits that scikit-learn carries: real data, no download."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import BelowOne
from poolwise.core.types import Augmentation, Task
from poolwise.data.catalogue import HeldOut, Row, build_manifest
from poolwise.data.packed import Packed, PackedSource, with_digest

PLACE = Path("datasets", "data", "digits.csv.gz")
"""The file inside scikit-learn: 64 values and the digit in each line."""


def read_digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return (1797, 8, 8) values 0..16 and (1797,) digits.

    The file is read where it lies, as importing scikit-learn for it takes seconds; if it has moved, by its own door.
    """
    package = importlib.util.find_spec("sklearn")
    folders = (package.submodule_search_locations if package else None) or []
    file = next((Path(folder) / PLACE for folder in folders if (Path(folder) / PLACE).is_file()), None)
    if file is None:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return bunch.images, bunch.target
    table = np.loadtxt(file, delimiter=",")
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)


@dataclass(frozen=True)
class Digits(PackedSource):
    """1,797 digits, 8 x 8, grey (Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI).

    The values 0..16 are scaled to 0..255. Keys are "digits/00042", the number being scikit-learn's row.
    """

    test_fraction: BelowOne = 0.2
    split_seed: int = 0
    augmentation: Augmentation = Augmentation.SHIFT
    hide_labels: bool = True

    def _load(self) -> Packed:
        images, labels = read_digits()
        classes = tuple(str(digit) for digit in range(10))
        rows = [Row(f"digits/{at:05d}", classes[digit]) for at, digit in enumerate(labels.tolist())]
        manifest = build_manifest(
            "digits", rows, classes, Task.MULTICLASS, HeldOut(self.test_fraction, 0.0, self.split_seed)
        )
        return with_digest(manifest, np.round(images * (255 / 16)).astype(np.uint8)[:, None])

"""CIFAR-10 as PNG sheets of 1,000 pictures each: 20,000 training pictures and two test sets.

Each sheet holds 25 rows of 40 tiles, row by row; position p is tile p % 1000 of sheet p // 1000.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError
from poolwise.core.ranges import Count
from poolwise.core.types import Augmentation
from poolwise.data.packed import Packed, PackedSource, Part, Pixels, pack
from poolwise.data.torchvision_sets import data_root

ROWS, COLUMNS, SIDE = 25, 40, 32
TILES = ROWS * COLUMNS
TRAIN_SHEETS = 20


class TestSheets(str, Enum):
    """Which test pictures: the first 1,000 without loss, or all 10,000 as they came out of JPEG (mean error 6/255)."""

    __test__ = False  # pytest would take the name for a test

    LOSSLESS_1000 = "lossless_1000"
    JPEG_10000 = "jpeg_10000"


def tiles(sheet: NDArray[np.uint8]) -> Pixels:
    """Return the (1000, 3, 32, 32) pictures of one (800, 1280, 3) sheet, row by row."""
    parts = sheet.reshape(ROWS, SIDE, COLUMNS, SIDE, 3).swapaxes(1, 2).reshape(TILES, SIDE, SIDE, 3)
    return np.ascontiguousarray(parts.transpose(0, 3, 1, 2))


def read_sheets(files: list[Path]) -> Pixels:
    """Return the pictures of all sheets, (1000 * sheets, 3, 32, 32).

    Raises:
        DataError: a sheet is damaged or of another size.
    """
    from PIL import Image

    pictures = []
    for file in files:
        try:
            with Image.open(file, formats=["PNG"]) as sheet:
                pixels = np.asarray(sheet.convert("RGB"))
        except (OSError, SyntaxError) as error:
            raise DataError(f"{file} cannot be read: {error}; fetch it anew.") from error
        if pixels.shape != (ROWS * SIDE, COLUMNS * SIDE, 3):
            raise DataError(f"{file} is {pixels.shape}; a sheet is {(ROWS * SIDE, COLUMNS * SIDE, 3)}.")
        pictures.append(tiles(pixels))
    return np.concatenate(pictures)


@dataclass(frozen=True)
class Cifar10Sheets(PackedSource):
    """20,000 of CIFAR-10's 50,000 training pictures as the pool; keys tell the original index.

    Attributes:
        root: the folder of the sheets or the one above `cifar10`; None takes POOLWISE_DATA, else ./data.
        test_sheets: which test set.
        limit: keep only this many pool pictures, drawn in proportion to the classes; None keeps all.
        test_limit: likewise for the test pictures.
        split_seed: which ones the limits keep.
        augmentation: what may be done to training pictures.
        hide_labels: treat the labels of the pool as unknown, for simulations.
    """

    root: str | None = None
    test_sheets: TestSheets = TestSheets.LOSSLESS_1000
    limit: Count | None = None
    test_limit: Count | None = None
    split_seed: int = 0
    augmentation: Augmentation = Augmentation.SHIFT_FLIP
    hide_labels: bool = True

    def _load(self) -> Packed:
        folder = self._folder()
        with np.load(folder / "labels_all.npz", allow_pickle=False) as labels:
            classes = tuple(str(name) for name in labels["class_names"])
            test_labels = labels["test_label"].astype(np.int64)
        with np.load(folder / "train20k_index.npz", allow_pickle=False) as index:
            train_labels, original = index["label"].astype(np.int64), index["original_index"].astype(np.int64)
        train = Part(read_sheets(self._train_files(folder)), train_labels, original)
        pictures = read_sheets(self._test_files(folder))
        test = Part(pictures, test_labels[: len(pictures)], np.arange(len(pictures)))
        return pack(
            "cifar10_sheets",
            classes,
            train.subset(self.limit, self.split_seed, "limit"),
            test.subset(self.test_limit, self.split_seed, "test_limit"),
        )

    def _train_files(self, folder: Path) -> list[Path]:
        return [folder / f"train20k_{at:02d}.png" for at in range(TRAIN_SHEETS)]

    def _test_files(self, folder: Path) -> list[Path]:
        if self.test_sheets is TestSheets.LOSSLESS_1000:
            return [folder / "test_first1000_lossless_00.png"]
        return [folder / f"test10k_jpegdecoded_{at:02d}.png" for at in range(10)]

    def _folder(self) -> Path:
        """Return the folder that has all files."""
        root = data_root(self.root)
        tables = [Path("labels_all.npz"), Path("train20k_index.npz")]
        wanted = [*tables, *self._train_files(Path()), *self._test_files(Path())]
        for folder in (root / "cifar10", root):
            if all((folder / name).is_file() for name in wanted):
                return folder
        raise DataError(
            f"cifar10_sheets is not there: looked for {wanted[0]}, {wanted[1]}, {wanted[2]} to {wanted[-1]} in "
            f"{(root / 'cifar10').absolute()} and {root.absolute()}. Set data.root=... (or the environment variable "
            "POOLWISE_DATA) to where it lies, or use data=cifar10 data.download=true."
        )

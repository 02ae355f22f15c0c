"""Pictures that came as an array, behind the door `ImageSource`; and a source under other class names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import InvalidArray
from poolwise.core.interfaces import ImageSource, Progress
from poolwise.core.types import Augmentation, Ids, Manifest, Split, Task


@dataclass(frozen=True, eq=False)
class Scale:
    """Values from `low` to `high` become 0..255; what lies outside is cut off."""

    low: float
    high: float

    def pixels(self, pictures: NDArray[Any]) -> NDArray[np.uint8]:
        """Return (n, channels, height, width) uint8 of (n, [channels,] height, width) numbers.

        Raises:
            InvalidArray: another shape, or NaN.

        >>> Scale(0, 1).pixels(np.array([[[0.0, 1.0]]])).tolist()
        [[[[0, 255]]]]
        """
        array = np.asarray(pictures)
        if array.ndim not in (3, 4) or array.dtype.kind not in "fiub":
            raise InvalidArray(
                f"pictures must be (n, height, width) or (n, channels, height, width) numbers; got shape {array.shape}, "
                f"dtype {array.dtype}. For rows of sample ids give `images` too."
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InvalidArray("pictures must be finite; these hold NaN or infinity.")
        array = array[:, None] if array.ndim == 3 else array
        if (self.low, self.high) == (0, 255) and array.dtype == np.uint8:
            return array
        share = (array.astype(np.float32) - self.low) / max(self.high - self.low, 1e-12)
        return np.round(255 * share.clip(0, 1)).astype(np.uint8)


def scale_of(pictures: NDArray[Any]) -> Scale:
    """Return which values are black and white: 0..255 for whole numbers that fit, 0..1 for fractions, else the extremes.

    >>> [scale_of(np.array(pictures)).high for pictures in ([3, 200], [0.0, 0.5], [0.0, 16.0])]
    [255.0, 1.0, 16.0]
    """
    array = np.asarray(pictures)
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 1.0)
    most = 1.0 if array.dtype.kind in "fb" else 255.0
    return Scale(0.0, most) if low >= 0 and high <= most else Scale(min(low, 0.0), high)


@dataclass(frozen=True, eq=False)
class Source(ImageSource):
    """A source of pictures for one estimator: its classes are the estimator's, and it knows no labels."""

    known: Manifest
    pictures: ImageSource | NDArray[np.uint8]

    @property
    def manifest(self) -> Manifest:
        """What is known of the pictures."""
        return self.known

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        channels, height, width = self.pictures.shape[-3:]
        return int(channels), int(height), int(width)

    @property
    def augmentation(self) -> Augmentation:
        """Nothing is known of what may be done to the pictures of an array."""
        return Augmentation.NONE if isinstance(self.pictures, np.ndarray) else self.pictures.augmentation

    @property
    def in_memory(self) -> bool:
        """An array is."""
        return isinstance(self.pictures, np.ndarray) or self.pictures.in_memory

    def read(self, ids: Ids) -> NDArray[np.uint8]:
        """Return (n, channels, height, width) pixels, a copy."""
        return self.pictures[ids] if isinstance(self.pictures, np.ndarray) else self.pictures.read(ids)

    def file(self, sample_id: int) -> Path | None:
        """Return the picture's own file, where there is one."""
        return None if isinstance(self.pictures, np.ndarray) else self.pictures.file(sample_id)

    def unreadable(self, progress: Progress | None = None) -> list[tuple[int, str]]:
        """Return (sample_id, why) of pictures that cannot be read: none, as an array is readable."""
        return [] if isinstance(self.pictures, np.ndarray) else self.pictures.unreadable(progress)


def renamed(images: ImageSource, classes: Sequence[str], task: Task) -> Source:
    """Return the same pictures under other classes, all labels unknown."""
    unknown = _unknown(len(images.manifest), len(classes), task)
    return Source(replace(images.manifest, classes=tuple(classes), task=task, labels=unknown), images)


def from_array(pixels: NDArray[np.uint8], classes: Sequence[str], task: Task) -> Source:
    """Return pictures (n, channels, height, width) as samples 0..n-1."""
    paths = tuple(f"{at:08d}" for at in range(len(pixels)))
    splits = np.full(len(pixels), Split.POOL.value)
    manifest = Manifest("array", paths, splits, tuple(classes), task, _unknown(len(pixels), len(classes), task))
    return Source(manifest, pixels)


def _unknown(count: int, classes: int, task: Task) -> NDArray[Any]:
    if task is Task.MULTILABEL:
        return np.full((count, classes), -1, dtype=np.int8)
    return np.full(count, -1, dtype=np.int64)

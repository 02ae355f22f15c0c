"""Data sets that fit in memory as one array of pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError
from poolwise.core.interfaces import ImageSource, Progress
from poolwise.core.ranges import Checked
from poolwise.core.types import Ids, Labels, Manifest, Split, Task
from poolwise.data.catalogue import digest_pixels, hidden
from poolwise.data.holdout import draw

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Packed:
    """A manifest that tells every label, and its pictures (N, channels, height, width)."""

    manifest: Manifest
    images: Pixels


@dataclass(frozen=True, eq=False)
class Part:
    """One split as published: pictures (n, channels, height, width), labels (n,) and their original index (n,)."""

    images: Pixels
    labels: NDArray[np.int64]
    index: NDArray[np.int64]

    def subset(self, count: int | None, seed: int, purpose: str) -> Part:
        """Return a stratified subset of `count` rows, in the old order; all of them for None or where there are no more."""
        if count is None or count >= len(self.labels):
            return self
        keep = draw(self.labels, [str(at) for at in self.index], count, seed, purpose)
        return Part(self.images[keep], self.labels[keep], self.index[keep])


def pack(name: str, classes: tuple[str, ...], train: Part, test: Part) -> Packed:
    """Return pool and test set under keys "train/00042" and "test/00042" that tell the original index.

    Raises:
        DataError: labels outside the class list, or not one for each picture.
    """
    for folder, part in (("train", train), ("test", test)):
        check_part(f"{name} {folder}", part, len(classes))
    # "test/" sorts before "train/": sample ids follow the sorted keys
    paths = tuple(f"{folder}/{at:05d}" for folder, part in (("test", test), ("train", train)) for at in part.index)
    splits = np.repeat([Split.TEST.value, Split.POOL.value], [len(test.labels), len(train.labels)])
    images = np.concatenate([test.images, train.images])
    labels = np.concatenate([test.labels, train.labels]).astype(np.int64)
    return with_digest(Manifest(name, paths, splits, classes, Task.MULTICLASS, labels), images)


def with_digest(manifest: Manifest, images: Pixels) -> Packed:
    """Return both together, the digest of the pixels entered in the manifest."""
    return Packed(replace(manifest, contents=digest_pixels(images)), images)


def check_part(name: str, part: Part, classes: int) -> None:
    """Raise DataError unless there is one label in 0..classes-1 for each picture."""
    if len(part.images) != len(part.labels):
        raise DataError(f"{name} has {len(part.images)} pictures but {len(part.labels)} labels; fetch the files anew.")
    if len(part.labels) == 0 or part.labels.min() < 0 or part.labels.max() >= classes:
        raise DataError(f"{name} should hold labels 0 to {classes - 1}; its files are of another data set or damaged.")


class PackedSource(Checked, ImageSource):
    """What all in-memory sources share; a subclass is a frozen dataclass that says how to load.

    The pictures are loaded at the first use, and anew after `dataclasses.replace`.
    """

    hide_labels: bool

    def _load(self) -> Packed:
        raise NotImplementedError

    @cached_property
    def _packed(self) -> Packed:
        return self._load()

    @cached_property
    def manifest(self) -> Manifest:
        """What is known before the run; without the labels of the pool if `hide_labels`."""
        return hidden(self._packed.manifest) if self.hide_labels else self._packed.manifest

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        _, channels, height, width = self._packed.images.shape
        return channels, height, width

    @property
    def in_memory(self) -> bool:
        """Always."""
        return True

    def read(self, ids: Ids) -> Pixels:
        """Return (n, channels, height, width) pixels, a copy."""
        return self._packed.images[ids]

    def file(self, sample_id: int) -> Path | None:
        """Return None: the pictures have no files of their own."""
        return None

    def unreadable(self, progress: Progress | None = None) -> list[tuple[int, str]]:
        """Return nothing: all pictures have been read."""
        return []

    def hidden_labels(self) -> Labels:
        """Return the (N,) or (N, C) true labels of every sample. For the simulated annotator alone."""
        return self._packed.manifest.labels

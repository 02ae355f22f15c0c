"""A tiny image source for tests of learners."""

from dataclasses import dataclass

import numpy as np

from poolwise.core.types import Augmentation, LabelledSet, Manifest, Split, Task


@dataclass(frozen=True)
class Stripes:
    """Pictures with one bright row (class 0), column (class 1) or neither (class 2), in noise."""

    n: int = 90
    side: int = 8
    channels: int = 1
    task: Task = Task.MULTICLASS
    in_memory: bool = True
    augmentation: Augmentation = Augmentation.NONE

    @property
    def shape(self):
        return (self.channels, self.side, self.side)

    @property
    def labels(self):
        kind = np.arange(self.n) % 3
        if self.task is Task.MULTICLASS:
            return kind.astype(np.int64)
        return np.stack([kind == 0, kind == 1, kind != 2], axis=1).astype(np.int8)

    @property
    def manifest(self):
        splits = np.array([Split.POOL.value] * self.n)
        paths = tuple(f"{at:04d}" for at in range(self.n))
        return Manifest("stripes", paths, splits, ("row", "column", "none"), self.task, self.labels)

    def read(self, ids):
        rng = np.random.default_rng(0)
        pictures = rng.integers(0, 60, (self.n, *self.shape), dtype=np.uint8)
        pictures[0::3, :, self.side // 2] += 150
        pictures[1::3, :, :, self.side // 2] += 150
        return pictures[ids]

    def set(self, *ids):
        ids = np.array(ids or range(self.n), dtype=np.int64)
        return LabelledSet(ids, self.labels[ids])

"""Made-up pictures for tests: a pattern for each class, plus noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import BelowOne, Count
from poolwise.core.types import Augmentation, Label, Labels, Task
from poolwise.data.catalogue import HeldOut, Row, build_manifest
from poolwise.data.packed import Packed, PackedSource, Pixels, with_digest


def prototypes(classes: int, channels: int, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return (classes, channels, size, size) blocky patterns of -1 and 1: 4 x 4 random signs, enlarged."""
    signs = rng.choice([-1.0, 1.0], size=(classes, channels, 4, 4))
    at = np.arange(size) * 4 // size
    return signs[:, :, at[:, None], at[None, :]].astype(np.float32)


def paint(member: Labels, patterns: NDArray[np.float32], noise: float, rng: np.random.Generator) -> Pixels:
    """Return (n, channels, size, size) pictures: the sum of the patterns of a row's classes, plus Gaussian noise.

    Args:
        member: (n, C) 0 or 1, whether the picture shows the class.
        patterns: (C, channels, size, size), see `prototypes`.
        noise: standard deviation, in units of a pattern's amplitude.
        rng: generator.
    """
    signal: NDArray[np.float32] = np.einsum("nc,cdhw->ndhw", member.astype(np.float32), patterns)
    signal += noise * rng.standard_normal(signal.shape, dtype=np.float32)
    pixels: Pixels = np.clip(127.5 + 50 * signal, 0, 255).astype(np.uint8)
    return pixels


@dataclass(frozen=True)
class Synthetic(PackedSource):
    """`n` pictures of `classes` classes, `size` x `size`; labels follow the pictures without error."""

    n: Count = 400
    classes: Count = 4
    size: Count = 16
    channels: Count = 1
    noise: float = 1.0
    multilabel: bool = False
    seed: int = 0
    test_fraction: BelowOne = 0.25
    split_seed: int = 0
    augmentation: Augmentation = Augmentation.NONE
    hide_labels: bool = True

    def _load(self) -> Packed:
        rng = np.random.default_rng(self.seed)
        names = tuple(f"class_{at}" for at in range(self.classes))
        member = self._members(rng)
        rows = [Row(f"synthetic/{at:05d}", self._label(row, names)) for at, row in enumerate(member)]
        task = Task.MULTILABEL if self.multilabel else Task.MULTICLASS
        manifest = build_manifest("synthetic", rows, names, task, HeldOut(self.test_fraction, 0.0, self.split_seed))
        patterns = prototypes(self.classes, self.channels, self.size, rng)
        return with_digest(manifest, paint(member, patterns, self.noise, rng))

    def _members(self, rng: np.random.Generator) -> Labels:
        """Draw the (n, C) classes that pictures show; each class a third of the time when there may be several."""
        one: Labels = np.eye(self.classes, dtype=np.int8)[rng.integers(self.classes, size=self.n)]
        return np.asarray(rng.random(one.shape) < 1 / 3, dtype=np.int8) if self.multilabel else one

    def _label(self, row: Labels, names: tuple[str, ...]) -> Label:
        shown = tuple(names[at] for at in np.flatnonzero(row))
        return shown if self.multilabel else shown[0]

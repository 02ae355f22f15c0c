"""Data sets made harder on purpose: another source whose pool repeats itself, or has rare classes.

Both wrap a source and leave its validation and test samples as they are. Which samples the pool has follows from a seed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError
from poolwise.core.interfaces import ImageSource, Progress
from poolwise.core.labels import strata
from poolwise.core.ranges import Checked, Count, Factor, NonNegative
from poolwise.core.types import Augmentation, Ids, Labels, Manifest, Split, Task, is_known
from poolwise.data.catalogue import hidden
from poolwise.data.digits import Digits
from poolwise.data.holdout import draw

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Selection:
    """Which samples a variant has: (N,) id in the source and number of the copy, and what is known of them."""

    manifest: Manifest
    originals: Ids
    copies: NDArray[np.int64]


class Variant(Checked, ImageSource):
    """What variants share; a subclass is a frozen dataclass that says which samples it has."""

    source: Any
    hide_labels: bool

    def _select(self, whole: Manifest) -> tuple[Ids, NDArray[np.int64]]:
        """Return (N,) ids in the source and (N,) numbers of copies, in any order."""
        raise NotImplementedError

    def _told(self) -> str:
        """Return the settings that shape the pictures, for their digest."""
        raise NotImplementedError

    @cached_property
    def _open(self) -> Any:
        """The source with its labels: the variant itself hides what has to be hidden."""
        return replace(self.source, hide_labels=False)

    @cached_property
    def _selection(self) -> Selection:
        whole: Manifest = self._open.manifest
        originals, copies = self._select(whole)
        names = [
            f"{whole.paths[at]}#{copy}" if copy else whole.paths[at]
            for at, copy in zip(originals.tolist(), copies.tolist(), strict=True)
        ]
        if len(set(names)) < len(names):
            raise DataError(f"{whole.name} has paths that end in #1, #2, ...: copies would be mistaken for them.")
        order = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
        originals, copies = originals[order], copies[order]
        manifest = replace(
            whole,
            name=f"{type(self).__name__.lower()}_{whole.name}",
            paths=tuple(names[at] for at in order.tolist()),
            splits=whole.splits[originals],
            labels=whole.labels[originals],
            groups=None if whole.groups is None else whole.groups[originals],
            columns={name: column[originals] for name, column in whole.columns.items()},
            contents=hashlib.sha256(f"{whole.contents} {self._told()}".encode()).hexdigest(),
        )
        return Selection(manifest, originals, copies)

    @cached_property
    def manifest(self) -> Manifest:
        """What is known before the run; without the labels of the pool if `hide_labels`."""
        return hidden(self._selection.manifest) if self.hide_labels else self._selection.manifest

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width), the source's."""
        channels, height, width = self._open.shape
        return channels, height, width

    @property
    def augmentation(self) -> Augmentation:
        """The source's."""
        return Augmentation(self._open.augmentation)

    @property
    def in_memory(self) -> bool:
        """The source's."""
        return bool(self._open.in_memory)

    @property
    def max_unreadable(self) -> float:
        """The source's."""
        return float(self._open.max_unreadable)

    def read(self, ids: Ids) -> Pixels:
        """Return (n, channels, height, width) pixels."""
        found: Pixels = self._open.read(self._selection.originals[ids])
        return found

    def file(self, sample_id: int) -> Path | None:
        """Return the source's own file; None for a copy, which is no file."""
        if self._selection.copies[sample_id]:
            return None
        file: Path | None = self._open.file(int(self._selection.originals[sample_id]))
        return file

    def unreadable(self, progress: Progress | None = None) -> list[tuple[int, str]]:
        """Return every sample whose picture in the source cannot be decoded."""
        broken: dict[int, str] = dict(self._open.unreadable(progress))
        originals = self._selection.originals.tolist()
        return [(at, broken[original]) for at, original in enumerate(originals) if original in broken]

    def hidden_labels(self) -> Labels:
        """Return the (N,) or (N, C) true labels of every sample. For the simulated annotator alone."""
        return self._selection.manifest.labels


@dataclass(frozen=True)
class Redundant(Variant):
    """Each picture of the pool several times, the copies with a little noise: a strategy can waste its budget on copies.

    As Repeated MNIST of Kirsch et al. 2019 (BatchBALD, section 4.1). The first copy is the picture itself; the others have
    its path with "#1", "#2", ... behind it, and its label. Nothing else tells that they belong together.

    Attributes:
        source: any other source.
        copies: how often each picture occurs.
        noise: standard deviation of what is added to each value of a further copy, of 0..255.
        limit: so many pictures of the pool before they are repeated, drawn in proportion to the classes; None: all.
        seed: of the noise and of what the limit keeps.
        hide_labels: treat the labels of the pool as unknown, for simulations.
    """

    source: Annotated[Any, ImageSource] = field(default_factory=Digits)
    copies: Count = 5
    noise: NonNegative = 8.0
    limit: Count | None = None
    seed: int = 0
    hide_labels: bool = True

    def read(self, ids: Ids) -> Pixels:
        """Return (n, channels, height, width) pixels; a sample's noise follows from seed, original and copy."""
        pictures = super().read(ids)
        chosen = zip(self._selection.originals[ids].tolist(), self._selection.copies[ids].tolist(), strict=True)
        for at, (original, copy) in enumerate(chosen):
            if copy and self.noise:
                rng = np.random.default_rng([self.seed, original, copy])
                noise = self.noise * rng.standard_normal(pictures.shape[1:], dtype=np.float32)
                pictures[at] = np.clip(np.rint(pictures[at] + noise), 0, 255).astype(np.uint8)
        return pictures

    def _select(self, whole: Manifest) -> tuple[Ids, NDArray[np.int64]]:
        pool = whole.ids(Split.POOL)
        if self.limit is not None and self.limit < len(pool):
            names = [whole.paths[at] for at in pool.tolist()]
            pool = pool[draw(strata(whole.labels[pool]), names, self.limit, self.seed, "redundant")]
        others = np.flatnonzero(whole.splits != Split.POOL.value)
        originals = np.concatenate([others, np.repeat(pool, self.copies)])
        return originals, np.concatenate([np.zeros_like(others), np.tile(np.arange(self.copies), len(pool))])

    def _told(self) -> str:
        return f"redundant copies={self.copies} noise={self.noise} seed={self.seed}"


@dataclass(frozen=True)
class Imbalanced(Variant):
    """The classes of the pool thinned to an exponential profile, the test set untouched (Cui et al. 2019, section 5.1).

    Class frequencies fall by equal factors from the most frequent to the rarest, in an order of classes drawn by the seed;
    as many samples are kept as the profile allows.

    Attributes:
        source: any other source with one class a picture, known for the whole pool.
        ratio: the most frequent class has so many samples for each one of the rarest; 1 keeps the classes equal.
        seed: of the order of the classes and of which samples stay.
        hide_labels: treat the labels of the pool as unknown, for simulations.
    """

    source: Annotated[Any, ImageSource] = field(default_factory=Digits)
    ratio: Factor = 20.0
    seed: int = 0
    hide_labels: bool = True

    def _select(self, whole: Manifest) -> tuple[Ids, NDArray[np.int64]]:
        pool = whole.ids(Split.POOL)
        labels = whole.labels[pool]
        if whole.task is not Task.MULTICLASS or not is_known(labels).all():
            raise DataError(f"{whole.name} cannot be thinned by class: every pool picture must have one known class.")
        order = np.random.default_rng(self.seed).permutation(len(whole.classes))
        kept = [np.flatnonzero(whole.splits != Split.POOL.value)]
        for one, count in enumerate(profile(np.bincount(labels, minlength=len(order)), order, self.ratio).tolist()):
            mine = pool[labels == one]
            names = [whole.paths[at] for at in mine.tolist()]
            kept.append(mine[draw(np.zeros_like(mine), names, count, self.seed, "imbalanced")])
        originals = np.concatenate(kept)
        return originals, np.zeros_like(originals)

    def _told(self) -> str:
        return f"imbalanced ratio={self.ratio} seed={self.seed}"


def profile(counts: NDArray[np.int64], order: NDArray[np.int64], ratio: float) -> NDArray[np.int64]:
    """Return (C,) how many of each class to keep: the largest exponential profile within the counts, at least 1 each.

    Args:
        counts: (C,) samples there are; a class of 0 stays at 0 and does not narrow the others.
        order: (C,) classes from the most frequent to the rarest.
        ratio: of the first over the last, 1 or more.

    >>> profile(np.array([100, 100, 100]), np.array([2, 0, 1]), 4.0).tolist()
    [50, 25, 100]
    """
    place = np.argsort(order)
    share = ratio ** (-place / max(1, len(order) - 1))
    there = counts > 0
    top = (counts[there] / share[there]).min() if there.any() else 0.0
    wanted: NDArray[np.int64] = np.maximum(1, np.floor(top * share + 1e-9)).astype(np.int64)
    return np.minimum(wanted, counts)

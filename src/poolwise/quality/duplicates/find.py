"""`poolwise.find_duplicates`: which rows of a pool are one thing, and which of them leak from one split into another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.checks import check_embeddings
from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.core.types import Floats, Ids
from poolwise.geometry.near_pairs import near_pairs
from poolwise.geometry.nearest_pairs import nearest_pairs
from poolwise.geometry.pair_graph import Pairs, duplicate_groups
from poolwise.geometry.thumbnails import Thumbnails, thumbnails
from poolwise.quality.duplicates.copy_threshold import CopyThreshold, calibrate_threshold
from poolwise.quality.duplicates.pictures import Pictures

__all__ = ["Duplicates", "Leaks", "calibrate_threshold", "find_duplicates"]

ALIKE = 0.99
"""Score of `pixels.alike` from which two pictures are one, where none was calibrated; `docs/duplicates.md` has what it finds."""
Images = Union[ArrayLike, Sequence[Any], Callable[[Ids], Any]]


@dataclass(frozen=True, eq=False)
class Leaks:
    """Pairs whose two ends lie in different splits.

    Attributes:
        pairs: (K, 2) of the pairs of `Duplicates`, in their order.
        counts: how many there are of each two splits, the two in ascending order.
        complete: whether these are all; otherwise each group that lies in several splits shows at least one.
    """

    pairs: Ids
    counts: dict[tuple[Any, Any], int]
    complete: bool

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Pairs of rows that are one thing, and the groups they make.

    Attributes:
        pairs: (P, 2) int64, the lower row first, in ascending order.
        similarity: (P,) float32 cosine of each pair.
        groups: (N,) int64 number of the group of each row, counted by their lowest row; -1 for none.
        keep: (N,) bool, the lowest row of each group and every row in none.
        exact: (P,) bool, all pixels are equal; without pictures, all numbers of the embedding.
        complete: whether `pairs` are all; otherwise enough of them to join the same groups.
    """

    pairs: Ids
    similarity: Floats
    groups: Ids
    keep: NDArray[np.bool_]
    exact: NDArray[np.bool_]
    complete: bool

    def __len__(self) -> int:
        return len(self.pairs)

    def leaks(self, splits: ArrayLike) -> Leaks:
        """Return pairs between splits, such as training and test set.

        Args:
            splits: (N,) name or number of the split of each row.

        Raises:
            InvalidArray: not one name or number for each row.

        >>> found = find_duplicates([[1, 0], [2, 0], [0, 1], [3, 0]])
        >>> leaks = found.leaks(["train", "train", "test", "test"])
        >>> leaks.pairs.tolist(), leaks.counts
        ([[0, 3], [1, 3]], {('test', 'train'): 2})
        """
        names = np.asarray(splits)
        if names.shape != self.groups.shape or names.dtype.kind not in "iubUS":
            raise InvalidArray(
                f"splits must hold a name or a whole number for each of {len(self.groups)} rows; "
                f"got shape {names.shape}, {names.dtype}."
            )
        ends = np.sort(names[self.pairs], axis=1)
        across = ends[:, 0] != ends[:, 1]
        kinds, counts = np.unique(ends[across], axis=0, return_counts=True)
        table = {(one, other): int(count) for (one, other), count in zip(kinds.tolist(), counts, strict=True)}
        return Leaks(self.pairs[across], table, self.complete)


def find_duplicates(
    embeddings: ArrayLike,
    *,
    threshold: float | CopyThreshold = 0.9,
    images: Images | None = None,
    alike: float = ALIKE,
    neighbours: int | None = None,
) -> Duplicates:
    """Find all pairs of rows whose cosine reaches a threshold and, with pictures, whose pixels agree.

    No pair is missed: the answer is that of comparing all rows with all, to 0.000001. Rows of zeros are in no pair. More than
    ten million pairs are not kept; then `complete` is False and `groups` are still right.

    Args:
        embeddings: (N, D) features; N is at least 2.
        threshold: lowest cosine of a pair, above 0 and at most 1; or what `calibrate_threshold` returned.
        images: with them, only pairs that show one picture by their pixels count: uint8 (N, H, W), (N, C, H, W) or
            (N, H, W, C), a sequence of N such pictures, or a function of row numbers (n,) that returns n of them.
        alike: lowest score of the pixels, above 0 and at most 1, unless `threshold` was calibrated.
        neighbours: look at so many nearest rows of each alone: quick where millions of pairs are alike, as drawings of one
            kind are. A copy is nearly always among them; `complete` is False.

    Raises:
        ConfigError: a threshold outside its range, or calibrated with pixels and used without.
        InvalidArray: fewer than 2 rows, NaN, infinity; pictures that do not fit the rows or are not uint8 of one shape.

    >>> found = find_duplicates([[1, 0], [0, 1], [2, 0.1]])
    >>> found.pairs.tolist(), found.groups.tolist(), found.keep.tolist()
    ([[0, 2]], [0, -1, 0], [True, True, False])
    """
    points = check_embeddings(embeddings)
    if len(points) < 2:
        raise InvalidArray(f"embeddings must have at least 2 rows for a pair; got {len(points)}.")
    if isinstance(threshold, CopyThreshold):
        if threshold.alike is not None and images is None:
            raise ConfigError("threshold was calibrated with pixels; give images, or calibrate with pixels=False.")
        alike = threshold.alike or alike
        threshold = threshold.cosine
    bar, least = _share(threshold, "threshold"), _share(alike, "alike")
    seen = None if images is None else thumbnails(Pictures(images, len(points)).read, len(points))
    agrees = None if seen is None else lambda pairs: seen.alike(pairs) >= least
    if neighbours is None:
        near = near_pairs(points, bar, agrees=agrees)
    else:
        near = nearest_pairs(points, bar, _whole(neighbours), agrees=agrees)
    return _grouped(near, points, seen)


def _grouped(pairs: Pairs, points: Floats, seen: Thumbnails | None) -> Duplicates:
    groups = duplicate_groups(pairs.rows, len(points))
    keep = np.ones(len(points), dtype=np.bool_)
    grouped = np.flatnonzero(groups >= 0)
    keep[grouped] = False
    keep[grouped[np.unique(groups[grouped], return_index=True)[1]]] = True
    return Duplicates(pairs.rows, pairs.cosine, groups, keep, _exact(pairs.rows, points, seen), pairs.complete)


def _exact(pairs: Ids, points: Floats, seen: Thumbnails | None) -> NDArray[np.bool_]:
    if seen is not None:
        return seen.same(pairs)
    parts = np.array_split(pairs, len(pairs) * points.shape[1] // (1 << 22) + 1)
    return np.concatenate([(points[part[:, 0]] == points[part[:, 1]]).all(axis=1) for part in parts])


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ConfigError(f"neighbours must be a whole number from 1 on, or None for all pairs; got {value!r}.")
    return int(value)


def _share(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value <= 1:
        raise ConfigError(f"{name} must be above 0 and at most 1; got {value!r}.")
    return float(value)

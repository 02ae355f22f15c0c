"""Counts of each label in each component."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import InvalidArray
from poolwise.core.types import Labels, is_known

Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Components:
    """Components of two or more labelled samples.

    Attributes:
        of: (N,) number of each sample's component from 0 to M - 1; -1 for singletons and samples without a label.
        sizes: (M,) labelled samples in each.
        counts: (M, C) how many of them have each label.
        multi_hot: (N, C) bool labels; a row of False for unknown.
    """

    of: Numbers
    sizes: Numbers
    counts: Numbers
    multi_hot: NDArray[np.bool_]

    @property
    def shares(self) -> Doubles:
        """(M, C) share of the component that has each label."""
        return np.asarray(self.counts / np.maximum(self.sizes, 1)[:, None])


def components(groups: Numbers, labels: Labels) -> Components:
    """Count labels by component.

    Args:
        groups: (N,) component numbers, -1 for none.
        labels: (N,) class numbers or (N, C) of 0 and 1; -1 for unknown.

    Raises:
        InvalidArray: lengths that do not fit, or groups that are no whole numbers.

    >>> found = components(np.array([7, 7, -1, 7]), np.array([0, 1, 1, 1]))
    >>> found.of.tolist(), found.counts.tolist()
    ([0, 0, -1, 0], [[1, 2]])
    """
    groups, labels = np.asarray(groups), np.asarray(labels)
    if groups.ndim != 1 or (groups.size and groups.dtype.kind not in "iu"):
        raise InvalidArray(f"groups must be (N,) whole numbers, -1 for none; got {groups.shape}, {groups.dtype}.")
    if len(labels) != len(groups):
        raise InvalidArray(f"labels must have a row for each of {len(groups)} samples; got {len(labels)}.")
    known = np.asarray(is_known(labels))
    multi_hot = _multi_hot(labels, known)
    inside = (groups >= 0) & known
    numbers, sizes = np.unique(groups[inside], return_counts=True)
    numbers, sizes = numbers[sizes > 1], sizes[sizes > 1]
    of = np.full(len(groups), -1, dtype=np.int64)
    if len(numbers):
        place = np.searchsorted(numbers, groups).clip(max=len(numbers) - 1)
        there = inside & (numbers[place] == groups)
        of[there] = place[there]
    counts = np.zeros((len(numbers), multi_hot.shape[1]), dtype=np.int64)
    rows, classes = np.nonzero(multi_hot & (of >= 0)[:, None])
    np.add.at(counts, (of[rows], classes), 1)
    return Components(of, sizes.astype(np.int64), counts, multi_hot)


def _multi_hot(labels: Labels, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if labels.ndim == 2:
        return np.asarray((labels == 1) & known[:, None])
    table = np.zeros((len(labels), int(labels.max(initial=-1)) + 1), dtype=np.bool_)
    rows = np.flatnonzero(known)
    table[rows, labels[rows]] = True
    return table

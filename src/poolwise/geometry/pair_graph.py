"""Pairs as they are found, within a limit of memory: all of them, or else enough to join the same groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Pairs(NamedTuple):
    """Pairs of rows.

    Attributes:
        rows: (P, 2) the lower row of each pair first, pairs in ascending order.
        cosine: (P,) float32.
        complete: whether these are all; otherwise they are enough of them to join the same groups.
    """

    rows: Rows
    cosine: NDArray[np.float32]
    complete: bool


class PairGraph:
    """A list of pairs that is thinned to a forest when it outgrows its limit."""

    def __init__(self, count: int, most: int) -> None:
        self.count, self.most = count, most
        self.groups: Rows | None = None
        """(N,) group of each row when the list was last thinned; None while it is complete."""
        self._rows: list[Rows] = []
        self._cosines: list[NDArray[np.float32]] = []
        self._held = 0

    def add(self, rows: Rows, cosine: NDArray[np.float32]) -> None:
        """Take (p, 2) new pairs and their (p,) cosines."""
        self._rows.append(rows)
        self._cosines.append(cosine)
        self._held += len(rows)
        if self._held > self.most:
            rows, cosine = forest(np.concatenate(self._rows), np.concatenate(self._cosines), self.count)
            self.groups = components(rows, self.count)
            self._rows, self._cosines, self._held = [rows], [cosine], len(rows)

    def joined(self, first: Rows, second: Rows) -> bool:
        """Return whether two lists of rows are in one group as far as is known, and pairs between them are not needed."""
        if self.groups is None:
            return False
        group = self.groups[first[0]]
        return bool((self.groups[first] == group).all() and (self.groups[second] == group).all())

    def unjoined(self, rows: Rows) -> Rows:
        """Return those of (p, 2) pairs that may still join something."""
        return rows if self.groups is None else rows[self.groups[rows[:, 0]] != self.groups[rows[:, 1]]]

    def pairs(self) -> Pairs:
        """Return all that is held, sorted."""
        rows = np.concatenate([np.empty((0, 2), dtype=np.int64), *self._rows])
        cosine = np.concatenate([np.empty(0, dtype=np.float32), *self._cosines])
        if self.groups is not None:
            rows, cosine = forest(rows, cosine, self.count)
        return sorted_pairs(rows, cosine, self.groups is None)


def forest(rows: Rows, cosine: NDArray[np.float32], count: int) -> tuple[Rows, NDArray[np.float32]]:
    """Return the strongest of (p, 2) pairs that join the same groups without a circle (a maximum spanning forest)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    weights = 3 - cosine.astype(np.float64)  # a pair of weight 0 would count as none
    tree = minimum_spanning_tree(coo_array((weights, (rows[:, 0], rows[:, 1])), shape=(count, count)).tocsr()).tocoo()
    kept = np.sort(np.column_stack([tree.row, tree.col]).astype(np.int64), axis=1)
    return kept, (3 - tree.data).astype(np.float32)


def duplicate_groups(pairs: Rows, count: int) -> Rows:
    """Join rows that are linked by pairs, directly or through others.

    Args:
        pairs: (P, 2) rows.
        count: N.

    Returns:
        (N,) number of the group, groups counted by their lowest row; -1 for a row in no pair.

    >>> duplicate_groups(np.array([[1, 4], [2, 3], [4, 5]]), 6).tolist()
    [-1, 0, 1, 1, 0, 0]
    """
    groups = np.full(count, -1, dtype=np.int64)
    linked = np.unique(pairs)
    _, first, inverse = np.unique(components(pairs, count)[linked], return_index=True, return_inverse=True)
    groups[linked] = np.argsort(np.argsort(first))[inverse.reshape(-1)]
    return groups


def components(rows: Rows, count: int) -> Rows:
    """Return (N,) a number for each set of rows that (P, 2) pairs link, directly or through others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(rows), dtype=np.bool_), (rows[:, 0], rows[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def sorted_pairs(rows: Rows, cosine: NDArray[np.float32], complete: bool) -> Pairs:
    """Return each pair with its lower row first, in ascending order."""
    rows = np.sort(rows, axis=1)
    order = np.lexsort((rows[:, 1], rows[:, 0]))
    return Pairs(rows[order], cosine[order], complete)

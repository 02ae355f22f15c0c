"""Distances and cosines between rows of points, block by block, so that no N x N matrix ever exists."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats

ROUNDING = 1e-6
"""By how much the float32 cosine of a row with its own copy may miss 1."""


def most_alike(points: Floats, others: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return for each of (n, D) points, which of (m, D) others (m >= 1) has the largest cosine with it, and that cosine.

    A row of zeros is at right angles to everything. Cost: O(n m D) in large products; memory: a copy of `others` and
    blocks.

    Returns:
        (n,) row of `others` and (n,) float32 cosine in [-1, 1].

    >>> which, cosine = most_alike(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0], [-2.0, 0.0], [3.0, 0.0]]))
    >>> which.tolist(), cosine.tolist()
    ([2], [1.0])
    """
    which = np.zeros(len(points), dtype=np.int64)
    cosine = np.zeros(len(points), dtype=np.float32)
    directions = unit_rows(others)
    for rows in blocks(len(points), points.shape[1]):
        some = unit_rows(points[rows])
        which[rows] = nearest(some, directions)[0]
        cosine[rows] = np.einsum("nd,nd->n", some, directions[which[rows]])
    return which, cosine


def has_twin(points: Floats, cosine: float) -> NDArray[np.bool_]:
    """Return (n,) whether another row of (n, D) points has at least this cosine with it.

    >>> has_twin(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), 0.95).tolist()
    [True, True, False]
    """
    directions = unit_rows(points)
    twins = np.zeros(len(points), dtype=np.bool_)
    for rows in blocks(len(points), len(points)):
        block = directions[rows] @ directions.T
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = -np.inf
        twins[rows] = block.max(axis=1) >= cosine - ROUNDING
    return twins


BLOCK = 1 << 20
"""Distances computed in one go: 4 MB of float32. Few large products, as each one waits for every thread it uses."""
COLUMNS = 2048
"""Targets compared in one go."""


def blocks(rows: int, columns: int) -> Iterator[slice]:
    """Return slices of so many rows that a block with `columns` columns is of the size above."""
    step = max(1, BLOCK // max(1, columns))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def squared_distances(points: Floats, centres: Floats) -> Floats:
    """Return (n, m) squared Euclidean distances of (n, D) to (m, D), never below 0.

    Computed as |x|^2 + |c|^2 - 2 x.c: fast, with a rounding error of about 1e-6 of the squared lengths. Move the origin
    into the data first where they lie far from it.

    >>> squared_distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
    [[25.0]]
    """
    squared: Floats = points @ centres.T
    squared *= -2
    squared += squared_lengths(points)[:, None]
    squared += squared_lengths(centres)[None, :]
    np.maximum(squared, 0, out=squared)
    return squared


def squared_lengths(points: Floats) -> Floats:
    """Return (n,) squared Euclidean length of each row."""
    lengths: Floats = np.einsum("nd,nd->n", points, points)
    return lengths


def nearest(points: Floats, targets: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return for each of (n, D) points, which of (m, D) targets is nearest (m >= 1), and how far it is.

    Returns:
        (n,) row of `targets`, the first among equals, and (n,) Euclidean distance.

    >>> which, far = nearest(np.array([[0.0], [9.0]]), np.array([[8.0], [1.0]]))
    >>> which.tolist(), far.tolist()
    ([1, 0], [1.0, 1.0])
    """
    which = np.zeros(len(points), dtype=np.int64)
    best = np.full(len(points), np.inf, dtype=np.float32)
    origin = targets.mean(axis=0, dtype=np.float64).astype(points.dtype)
    for start in range(0, len(targets), COLUMNS):
        some = targets[start : start + COLUMNS] - origin
        for rows in blocks(len(points), len(some)):
            block = squared_distances(points[rows] - origin, some)
            first = block.argmin(axis=1)
            value = np.take_along_axis(block, first[:, None], axis=1)[:, 0]
            closer = value < best[rows]
            which[rows][closer] = first[closer] + start
            best[rows][closer] = value[closer]
    return which, np.sqrt(best)


def unit_rows(points: Floats) -> Floats:
    """Return rows scaled to length 1; rows of zeros stay as they are.

    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    lengths = np.sqrt(squared_lengths(points))[:, None]
    lengths[lengths == 0] = 1
    return np.asarray(points / lengths, dtype=points.dtype)

"""Which rows point the same way, block by block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.neighbours import blocks, nearest, unit_rows

ROUNDING = 1e-6
"""By how much the float32 cosine of a row with its own copy may miss 1."""


def most_alike(points: Floats, others: Floats) -> tuple[NDArray[np.int64], Floats]:
    """For each of (n, D) points, which of (m, D) others (m >= 1) has the largest cosine with it, and that cosine.

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
    """(n,) whether another row of (n, D) points has at least this cosine with it.

    >>> has_twin(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), 0.95).tolist()
    [True, True, False]
    """
    directions = unit_rows(points)
    found = np.zeros(len(points), dtype=np.bool_)
    for rows in blocks(len(points), len(points)):
        block = directions[rows] @ directions.T
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = -np.inf
        found[rows] = block.max(axis=1) >= cosine - ROUNDING
    return found

"""Pairs among nearest neighbours: enough to find copies where so many rows are alike that all pairs are too many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.k_nearest import k_nearest
from poolwise.geometry.neighbours import ROUNDING, blocks
from poolwise.geometry.pair_graph import Pairs, Rows


def nearest_pairs(
    points: Floats, threshold: float, k: int, *, agrees: Callable[[Rows], NDArray[np.bool_]] | None = None
) -> Pairs:
    """Return pairs of rows whose cosine reaches a threshold, one of them among the k nearest of the other.

    At most N * k pairs, however many rows are alike. Neighbours are exact up to 20,000 rows, see `k_nearest`.

    Args:
        points: (N, D) finite rows; zeros are in no pair.
        threshold: above 0, at most 1.
        k: from 1 on.
        agrees: a second test: which of (p, 2) near rows are pairs.

    >>> nearest_pairs(np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 0.1]]), 0.9, 1).rows.tolist()
    [[0, 2]]
    """
    unit = np.empty(points.shape, dtype=np.float32)
    there = np.zeros(len(points), dtype=np.bool_)
    for some in blocks(*points.shape):
        lengths = np.linalg.norm(points[some].astype(np.float64), axis=1)
        there[some] = lengths > 0
        unit[some] = points[some] / np.where(lengths > 0, lengths, 1)[:, None]
    rows = np.flatnonzero(there)
    if len(rows) < 2:
        return Pairs(np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.float32), True)
    parts = [np.empty((0, 2), dtype=np.int64)]
    for some, which, _ in k_nearest(unit[rows], min(k, len(rows) - 1)):
        own = np.broadcast_to(np.arange(some.start, some.stop)[:, None], which.shape)
        pairs = np.column_stack([own[which >= 0], which[which >= 0]])
        cosine = np.einsum("pd,pd->p", unit[rows[pairs[:, 0]]], unit[rows[pairs[:, 1]]], dtype=np.float64)
        parts.append(np.sort(rows[pairs[cosine >= threshold - ROUNDING]], axis=1))
    pairs = np.unique(np.concatenate(parts), axis=0)
    if agrees is not None and len(pairs):
        pairs = pairs[agrees(pairs)]
    cosine = np.einsum("pd,pd->p", unit[pairs[:, 0]], unit[pairs[:, 1]])
    return Pairs(pairs, np.minimum(cosine, 1).astype(np.float32), False)

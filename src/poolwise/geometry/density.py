"""Density of the neighbourhood of each row, by its nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.k_nearest import k_nearest
from poolwise.geometry.neighbours import squared_lengths

ROUNDING = 1e-3
"""Distances below this share of a row's length, or of the typical length, are rounding: float32 keeps 1e-6 of a square."""


def typicality(points: Floats, k: int = 20) -> Floats:
    """Return one over the mean distance to the nearest other rows (Hacohen et al. 2022, eq. 4); higher is denser.

    Exact up to 20,000 rows; above, a few neighbours may be missed (`k_nearest`).

    Args:
        points: (N, D) rows.
        k: how many neighbours; at most N - 1 are used.

    Returns:
        (N,) float32, finite and at least 0. A row without any other has 0. Distances that are no more than rounding
        count as equal, so copies of one picture are equally typical.

    >>> typicality(np.array([[0.0], [1.0], [3.0]]), k=1).round(3).tolist()
    [1.0, 1.0, 0.5]
    """
    k = min(k, len(points) - 1)
    if k < 1:
        return np.zeros(len(points), dtype=np.float32)
    # about a common origin, distances lose fewer digits in float32
    centred = np.ascontiguousarray(
        points - points.mean(axis=0, dtype=np.float64).astype(points.dtype), dtype=np.float32
    )
    return inverse(_mean_distances(centred, k), centred)


def inverse(distances: NDArray[np.float32], centred: Floats) -> Floats:
    """Return (N,) one over distances (N,), rounding of the rows (N, D) as the least distance; infinite ones give 0."""
    squared = squared_lengths(centred)
    rounding = ROUNDING * np.sqrt(np.maximum(squared, squared.mean()))
    floor = np.maximum(rounding, np.finfo(np.float32).tiny)
    return np.asarray(1 / np.maximum(distances, floor), dtype=np.float32)


def _mean_distances(centred: Floats, k: int) -> NDArray[np.float32]:
    """Return (N,) mean Euclidean distance to the k nearest other rows; infinite where none was found."""
    means = np.empty(len(centred), dtype=np.float32)
    for rows, which, distances in k_nearest(centred, k):
        there = which >= 0
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = distances.sum(axis=1) / there.sum(axis=1)
        means[rows] = np.where(there.any(axis=1), mean, np.inf)
    return means

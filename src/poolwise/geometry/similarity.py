"""Similarity of each row to all rows, without a matrix of all pairs."""

from __future__ import annotations

import numpy as np

from poolwise.core.types import Floats
from poolwise.geometry.neighbours import blocks, squared_distances, unit_rows


def mean_cosine(points: Floats) -> Floats:
    """Return the mean cosine of each row with all rows, itself included; exact, by the product with the mean unit row.

    Args:
        points: (N, D); a row of zeros is at right angles to everything.

    Returns:
        (N,) in [-1, 1].

    >>> mean_cosine(np.array([[2.0, 0.0], [0.0, 1.0], [5.0, 0.0], [3.0, 0.0]])).tolist()
    [0.75, 0.25, 0.75, 0.75]
    """
    total = np.zeros(points.shape[1])
    for rows in blocks(len(points), points.shape[1]):
        total += unit_rows(points[rows]).sum(axis=0, dtype=np.float64)
    mean = (total / max(1, len(points))).astype(points.dtype)
    means = np.empty(len(points), dtype=np.float32)
    for rows in blocks(len(points), points.shape[1]):
        means[rows] = unit_rows(points[rows]) @ mean
    return means


def mean_closeness(points: Floats, others: Floats) -> Floats:
    """Return the mean of 1 / (1 + Euclidean distance) of each row (N, D) to some others (M, D).

    Returns:
        (N,) in [0, 1].

    >>> mean_closeness(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])).tolist()
    [0.75, 0.75]
    """
    origin = others.mean(axis=0, dtype=np.float64).astype(points.dtype)
    centred = others - origin
    means = np.empty(len(points), dtype=np.float32)
    for rows in blocks(len(points), len(others)):
        gaps = squared_distances(points[rows] - origin, centred)
        np.sqrt(gaps, out=gaps)
        gaps += 1
        np.reciprocal(gaps, out=gaps)
        means[rows] = gaps.mean(axis=1, dtype=np.float64)
    return means

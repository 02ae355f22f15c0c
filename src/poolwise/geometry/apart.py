"""How far labelled rows lie apart, on rows scaled to length 1, so that distance means angle; from 0 to 2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.geometry.neighbours import blocks, unit_rows
from poolwise.types import Floats

COPIES = 1e-3
"""Rows nearer than this are copies: float32 keeps a squared distance to about 1e-6."""


def nearest_others(points: Floats) -> NDArray[np.float64]:
    """Distance of each of (L, D) rows to its nearest other row that is no copy; rows that are all copies have none.

    Returns:
        (l,) with l <= L, in the order of rows.

    >>> nearest_others(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])).round(3).tolist()
    [1.414, 1.414, 1.414]
    """
    rows = unit_rows(points)
    least = np.full(len(rows), np.inf)
    for some in blocks(len(rows), len(rows)):
        squared = _squared(rows[some], rows)
        least[some] = squared.min(axis=1, where=squared > COPIES**2, initial=np.inf)
    found: NDArray[np.float64] = np.sqrt(least[np.isfinite(least)])
    return found


def _squared(some: Floats, rows: Floats) -> Floats:
    """(n, L) squared distances of rows of length 1."""
    found: Floats = np.maximum(2 - 2 * (some @ rows.T), 0)
    return found

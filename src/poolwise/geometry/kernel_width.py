"""The kernel width of MaxHerding: the least distance of labelled rows scaled to length 1; from 0 to 2."""

from __future__ import annotations

import numpy as np

from poolwise.core.types import Floats
from poolwise.geometry.neighbours import blocks

COPIES = 1e-3
"""Rows nearer than this are copies: from batch to batch a network may say as much of one picture."""


def kernel_width(labelled: Floats | None, rng: np.random.Generator, most: int = 20_000) -> float:
    """Return the kernel width of Bae et al. (2025, section 4): 1 before there are two labelled rows, then their least distance.

    In float64: in float32 a distance of 0, even that of a row to itself, comes out as up to 0.001.

    Args:
        labelled: (L, D) labelled rows, or None; only their direction counts, and copies do not.
        rng: draws the rows compared where there are many.
        most: how many those are.

    >>> round(kernel_width(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), np.random.default_rng(0)), 4)
    1.4142
    """
    if labelled is None:
        return 1.0
    rows = labelled[rng.permutation(len(labelled))[:most]].astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    lengths = np.einsum("nd,nd->n", rows, rows)  # 1, but for rows of zeros
    least = np.inf
    for some in blocks(len(rows), 2 * len(rows)):
        squared = lengths[some, None] + lengths - 2 * (rows[some] @ rows.T)
        least = min(least, float(squared.min(where=squared > COPIES**2, initial=np.inf)))
    return float(np.sqrt(least)) if np.isfinite(least) else 1.0

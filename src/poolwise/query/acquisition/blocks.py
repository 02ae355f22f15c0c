"""Scores block by block, in float64 without a second copy of all that they are computed from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats

BLOCK = 1 << 20
"""Entries worked on in one go: 8 MB of float64."""
TINY = np.float32(1e-30)
"""Stands for 0 under a logarithm, and under a fraction."""


def by_block(array: Floats, score: Callable[[NDArray[np.float64]], NDArray[Any]]) -> Floats:
    """(N,) float32 scores of the rows of an array with any number of axes.

    Args:
        array: (N, ...).
        score: from (n, ...) float64 to (n,).

    >>> by_block(np.array([[1.0, 2.0], [3.0, 4.0]]), lambda rows: rows.sum(axis=1)).tolist()
    [3.0, 7.0]
    """
    scores = np.empty(len(array), dtype=np.float32)
    step = max(1, BLOCK // max(1, math.prod(array.shape[1:])))
    for at in range(0, len(array), step):
        scores[at : at + step] = score(np.asarray(array[at : at + step], dtype=np.float64))
    return scores


def row_entropy(probs: Floats) -> Floats:
    """Entropy in nats, - p ln p summed over the last axis, in the type of the input and with one array of its size."""
    logs = np.maximum(probs, TINY)
    np.log(logs, out=logs)
    found: Floats = -np.einsum("...c,...c->...", probs, logs)
    return found

"""How unsure one model is of one sample: least confidence, margin, entropy (Settles 2009, section 3.1).

Each takes probabilities (N, C) and gives (N,) float32; higher is queried sooner. Multi-class rows sum to 1. In the
multi-label form the C entries are independent probabilities q, and the binary score of a label is averaged over labels,
except for the margin, which is that of the least certain label (BinMin; Brinker 2006).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Task

BLOCK = 1 << 20
"""Entries worked on in one go: 8 MB of float64."""
TINY = np.float32(1e-30)
"""Stands for 0 under a logarithm, and under a fraction."""


def by_block(array: Floats, score: Callable[[NDArray[np.float64]], NDArray[Any]]) -> Floats:
    """Return (N,) float32 scores of the rows of an array with any number of axes.

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
    """Return the entropy in nats, - p ln p summed over the last axis, in the type of the input and with one array of its size."""
    logs = np.maximum(probs, TINY)
    np.log(logs, out=logs)
    entropies: Floats = -np.einsum("...c,...c->...", probs, logs)
    return entropies


Doubles = NDArray[np.float64]


def least_confidence(probs: Floats, task: Task = Task.MULTICLASS) -> Floats:
    """Return 1 - max p; multi-label: mean over labels of 1 - max(q, 1 - q).

    Returns:
        (N,) in [0, 1 - 1/C], multi-label in [0, 1/2].

    >>> least_confidence(np.array([[0.75, 0.25], [0.5, 0.5]])).tolist()
    [0.25, 0.5]
    >>> least_confidence(np.array([[0.75, 0.5]]), Task.MULTILABEL).tolist()
    [0.375]
    """
    if task is Task.MULTILABEL:
        return _scores(probs, lambda q: np.minimum(q, 1 - q).mean(axis=1))
    return _scores(probs, lambda p: 1 - p.max(axis=1))


def margin(probs: Floats, task: Task = Task.MULTICLASS) -> Floats:
    """Return 1 - (p1 - p2) of the two most probable classes; multi-label: 1 - min |2q - 1|.

    Returns:
        (N,) in [0, 1].

    >>> margin(np.array([[0.5, 0.25, 0.25], [0.5, 0.5, 0.0]])).tolist()
    [0.75, 1.0]
    >>> margin(np.array([[0.75, 1.0]]), Task.MULTILABEL).tolist()
    [0.5]
    """
    if task is Task.MULTILABEL:
        return _scores(probs, lambda q: 1 - np.abs(2 * q - 1).min(axis=1))
    return _scores(probs, _multiclass_margin)


def entropy(probs: Floats, task: Task = Task.MULTICLASS) -> Floats:
    """Return - sum p ln p in nats; multi-label: mean over labels of the binary entropy of q.

    Returns:
        (N,) in [0, ln C], multi-label in [0, ln 2].

    >>> [round(float(score), 3) for score in entropy(np.array([[0.5, 0.5], [1.0, 0.0]]))]
    [0.693, 0.0]
    """
    if task is Task.MULTILABEL:
        return _scores(probs, lambda q: (surprise(q) + surprise(1 - q)).mean(axis=1))
    return _scores(probs, lambda p: surprise(p).sum(axis=1))


def two_most_probable(probs: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the (N,) most and second most probable class; with a single class both are 0.

    >>> [rows.tolist() for rows in two_most_probable(np.array([[0.2, 0.5, 0.3]]))]
    [[1], [2]]
    """
    order = np.argsort(-np.asarray(probs), axis=1, kind="stable")
    return order[:, 0].astype(np.int64), order[:, min(1, order.shape[1] - 1)].astype(np.int64)


def surprise(p: Doubles) -> Doubles:
    """Return entries - p ln p in nats, with 0 ln 0 = 0."""
    return -p * np.log(np.where(p > 0, p, 1))


def _multiclass_margin(p: Doubles) -> Doubles:
    if p.shape[1] == 1:  # a single class has no rival
        return 1 - p[:, 0]
    ordered = np.partition(p, p.shape[1] - 2, axis=1)
    return 1 - (ordered[:, -1] - ordered[:, -2])


def _scores(probs: Floats, score: Callable[[Doubles], Doubles]) -> Floats:
    return np.maximum(by_block(probs, score), 0)  # rounding may leave a certain row a hair below 0, or at -0.0

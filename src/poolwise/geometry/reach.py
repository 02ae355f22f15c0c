"""How far labels reach: distances between labelled rows, and the width at which they predict one another best.

On rows scaled to length 1, so that distance means angle; from 0 to 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.geometry.neighbours import blocks, unit_rows
from poolwise.types import Floats, Labels, Task, is_known

COPIES = 1e-3
"""Rows nearer than this are copies: float32 keeps a squared distance to about 1e-6."""
WIDTHS = np.geomspace(0.1, 2, 14)
"""Widths tried, in units of the widest: 26 % apart."""
PRIOR = 1e-3
"""Weight of the class frequencies beside the kernels: decides only where no labelled row is near."""


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


def reach(points: Floats, labels: Labels, task: Task, unit: float) -> float:
    """The kernel width at which labels predict one another best: least leave-one-out log loss of kernel regression.

    Each labelled row is predicted from the others, p = sum k y / sum k with k = exp(-d^2 / width^2) (Nadaraya 1964,
    Watson 1964), over a grid of 0.1 to 2 units.

    Args:
        points: (L, D) labelled rows.
        labels: (L,) or (L, C); unknown ones are passed over.
        task: multi-class, or independent labels.
        unit: what the grid is measured in, such as the median of `nearest_others`.

    Returns:
        The width; `unit` where fewer than two rows are labelled.
    """
    known = is_known(labels)
    rows, answers = unit_rows(points[known]), _one_hot(labels[known], task)
    if len(rows) < 2:
        return unit
    frequent = answers.mean(axis=0)
    losses = np.zeros(len(WIDTHS))
    for some in blocks(len(rows), len(rows)):
        squared = _squared(rows[some], rows)
        squared[np.arange(len(squared)), np.arange(len(rows))[some]] = (
            np.inf
        )  # each row is left out of its own prediction
        for at, width in enumerate(WIDTHS * unit):
            kernels = np.exp(-squared / width**2)
            said = (kernels @ answers + PRIOR * frequent) / (kernels.sum(axis=1, keepdims=True) + PRIOR)
            losses[at] += _log_loss(said, answers[some], task)
    return float(WIDTHS[losses.argmin()] * unit)


def _one_hot(labels: Labels, task: Task) -> Floats:
    if task is Task.MULTILABEL:
        return labels.astype(np.float32)
    return np.eye(int(labels.max(initial=0)) + 1, dtype=np.float32)[labels]


def _squared(some: Floats, rows: Floats) -> Floats:
    """(n, L) squared distances of rows of length 1."""
    found: Floats = np.maximum(2 - 2 * (some @ rows.T), 0)
    return found


def _log_loss(said: Floats, answers: Floats, task: Task) -> float:
    lost = float((-np.log(np.maximum(said, 1e-12)) * answers).sum())
    if task is Task.MULTILABEL:
        lost -= float((np.log(np.maximum(1 - said, 1e-12)) * (1 - answers)).sum())
    return lost

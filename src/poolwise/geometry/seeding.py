"""Draw rows that lie apart: k-means++ seeding (Arthur and Vassilvitskii 2007, section 2.2), exact and without N x N."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.neighbours import blocks, squared_lengths

Pairwise = Callable[["slice | NDArray[np.int64]", NDArray[np.int64]], Floats]
"""pairwise(rows, others): (n, m) squared distances."""

REFRESH = 32
"""Draws (or refusals) between two passes over all rows."""


def spread_out(
    pairwise: Pairwise, count: int, first: int, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats]:
    """Draw rows one by one, each with probability proportional to D^2, the squared distance to the nearest row drawn.

    D^2 only falls as rows are drawn, so its value at the last pass over all rows is an upper bound: a row drawn by the
    bound is accepted with probability true/bound, which makes every draw exact (rejection sampling).

    Args:
        pairwise: squared distances between rows, 0 for copies.
        count: N, the number of rows.
        first: the row to begin with.
        size: how many to draw, `first` included, at most N.
        rng: of all draws.

    Returns:
        (size,) distinct rows in the order drawn, and (size,) D of each when drawn (0 for `first`). When all rows
        that are left are copies of drawn ones, the rest is drawn evenly.
    """
    if size == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    drawn, gaps = [first], [0.0]
    bounds = np.full(count, np.inf)
    seen = 0
    while len(drawn) < size:
        _lower(bounds, pairwise, np.array(drawn[seen:], dtype=np.int64))
        seen = len(drawn)
        if not bounds.any():
            rest = np.setdiff1d(np.arange(count), drawn)
            drawn += rng.choice(rest, size - seen, replace=False).tolist()
            gaps += [0.0] * (size - seen)
            break
        new, far = _draw(bounds, pairwise, min(REFRESH, size - seen), rng)
        drawn += new
        gaps += far
    return np.array(drawn, dtype=np.int64), np.sqrt(np.array(gaps, dtype=np.float32))


def spread_greedily(points: Floats, weights: NDArray[Any], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw rows one by one, each the best of a few drawn with probability proportional to weight times D^2.

    The best is the one after which the sum of weight times D^2 over all rows is least: greedy k-means++ (Arthur and
    Vassilvitskii 2007, section 7). For few rows: it reads all of them for each one drawn.

    Args:
        points: (N, D) float32.
        weights: (N,) how much each row counts, at least 0.
        size: how many to draw, at most N are.
        rng: of all draws.

    Returns:
        (min(size, N),) distinct rows in the order drawn. When none that is left has a weight and is no copy of a drawn
        one, the rest is drawn evenly.

    >>> sorted(spread_greedily(np.array([[0.0], [0.0], [9.0]]), np.array([1, 0, 1]), 2, np.random.default_rng(0)))
    [np.int64(0), np.int64(2)]
    """
    size = min(size, len(points))
    # one product gives weight times |x|^2 - 2 x.c + |c|^2
    lengths, ones = squared_lengths(points)[:, None], np.ones((len(points), 1), dtype=points.dtype)
    rows = np.hstack([points, lengths, ones]) * weights.astype(points.dtype)[:, None]
    centres = np.hstack([-2 * points, ones, lengths])
    drawn: list[int] = []
    costs = rows[:, -1].copy()
    for trials in [1] + [2 + int(np.log(size))] * (size - 1):
        summed = np.cumsum(costs, dtype=np.float64)
        if not summed[-1] > 0:
            break
        tried = np.minimum(np.searchsorted(summed, rng.random(trials) * summed[-1], side="right"), len(points) - 1)
        left = centres[tried] @ rows.T
        np.maximum(left, 0, out=left)
        if drawn:
            np.minimum(left, costs, out=left)
        best = int(left.sum(axis=1).argmin())
        costs = left[best]
        costs[tried[best]] = 0  # never drawn again
        drawn.append(int(tried[best]))
    rest = np.setdiff1d(np.arange(len(points)), drawn)
    return np.concatenate([np.array(drawn, dtype=np.int64), rng.permutation(rest)[: size - len(drawn)]])


def _lower(bounds: NDArray[np.float64], pairwise: Pairwise, new: NDArray[np.int64]) -> None:
    """Bring the bounds down to the true D^2, in place."""
    for rows in blocks(len(bounds), len(new)):
        np.minimum(bounds[rows], pairwise(rows, new).min(axis=1), out=bounds[rows])
    bounds[new] = 0  # never drawn again


def _draw(
    bounds: NDArray[np.float64], pairwise: Pairwise, most: int, rng: np.random.Generator
) -> tuple[list[int], list[float]]:
    """1 to `most` draws by the bounds, which are exact for the first; fewer than `most` after many refusals."""
    summed = np.cumsum(bounds)
    new: list[int] = []
    far: list[float] = []
    refused = 0
    while len(new) < most and refused < REFRESH:
        row = min(int(np.searchsorted(summed, rng.random() * summed[-1], side="right")), len(bounds) - 1)
        gap = float(bounds[row])
        if new:
            gap = 0.0 if row in new else min(gap, float(pairwise(np.array([row]), np.array(new)).min()))
        if rng.random() * bounds[row] < gap:
            new.append(row)
            far.append(gap)
        else:
            refused += 1
    return new, far

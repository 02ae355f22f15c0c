"""k-means by faiss, begun from centres that lie apart: k-means++ (Arthur and Vassilvitskii 2007), exact, without N x N."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.neighbours import blocks, squared_lengths, unit_rows

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
    """Return 1 to `most` draws by the bounds, which are exact for the first; fewer than `most` after many refusals."""
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


POINTS_PER_CENTRE = 256
"""faiss trains on a random sample of at most this many points a centre; more does not move the centres noticeably."""
START_PER_CENTRE = 16
"""The first centres are drawn from a random sample of at most this many points a centre, or START_ROWS if that is more."""
START_ROWS = 8192
START_DIRECTIONS = 64
"""And by distances along this many random directions (Johnson and Lindenstrauss 1984): squares err by 18 %."""


def kmeans(
    points: Floats, clusters: int, rng: np.random.Generator, iterations: int = 10, weights: Floats | None = None
) -> tuple[NDArray[np.int64], Floats]:
    """Cluster rows around centres (Lloyd 1982).

    The first centres are drawn from a sample by their squared distance to those before, each the best of a few (greedy
    k-means++; Arthur and Vassilvitskii 2007). With weights a centre is the weighted mean of its rows, and the first ones
    are drawn by weight times squared distance.

    Args:
        points: (N, D) float32, N >= 1.
        clusters: how many centres; at most N are used.
        rng: seeds the choice of the first centres.
        iterations: Lloyd steps.
        weights: (N,) how much each row counts, at least 0; None or all 0: all alike.

    Returns:
        (N,) number of each row's cluster and (N,) Euclidean distance to its centre. Cluster numbers may have gaps:
        where rows are copies of each other some centres stay empty.
    """
    import faiss

    clusters = min(clusters, len(points))
    # about a common origin, distances lose fewer digits in float32
    centred = np.ascontiguousarray(points - points.mean(axis=0, dtype=np.float64).astype(np.float32), dtype=np.float32)
    machine = faiss.Kmeans(
        points.shape[1],
        clusters,
        niter=iterations,
        seed=int(rng.integers(2**31 - 1)),
        min_points_per_centroid=1,  # faiss would print a warning below 39
        max_points_per_centroid=POINTS_PER_CENTRE,
    )
    if weights is not None and not weights.any():
        weights = None
    first = centred[_first(centred, weights, clusters, rng)]
    machine.train(centred, None if weights is None else np.ascontiguousarray(weights, dtype=np.float32), first)
    squared, assigned = machine.index.search(centred, 1)
    return assigned[:, 0].astype(np.int64), np.sqrt(np.maximum(squared[:, 0], 0))


def central_rows(
    points: Floats, size: int, rng: np.random.Generator, iterations: int = 10, weights: Floats | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row nearest each of `size` k-means centres, the largest cluster's first; equally near ones by lot.

    Returns:
        (m,) distinct rows, m <= size: fewer where copies left centres empty; and (m,) how many rows each stands for.

    >>> rows, members = central_rows(np.array([[0.0], [1.0], [2.0], [9.0]]), 2, np.random.default_rng(0))
    >>> rows.tolist(), members.tolist()
    ([1, 3], [3, 1])
    """
    return central(*kmeans(points, size, rng, iterations, weights), rng)


def one_a_cluster(
    points: Floats, candidates: NDArray[np.int64], size: int, rng: np.random.Generator, iterations: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Do as `central_rows` among some rows, by angle; all of them, in random order, where they are no more than `size`."""
    if len(candidates) <= size:
        return rng.permutation(candidates), np.ones(len(candidates), dtype=np.int64)
    rows, members = central_rows(unit_rows(points[candidates]), size, rng, iterations)
    return candidates[rows], members


def central(
    clusters: NDArray[np.int64], distance: Floats, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Do as `central_rows`, from the (N,) cluster of each row and its (N,) distance to the centre."""
    shuffled = rng.permutation(len(clusters))
    nearest = shuffled[np.lexsort((distance[shuffled], clusters[shuffled]))]
    nearest = nearest[np.diff(clusters[nearest], prepend=-1) > 0]
    members = np.bincount(clusters)[clusters[nearest]]
    order = np.argsort(-members, kind="stable")
    return nearest[order], members[order]


def _first(centred: Floats, weights: Floats | None, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (size,) distinct rows to begin with, drawn by weight times squared distance to those drawn before."""
    rows, counts = _sample(len(centred), weights, max(START_ROWS, START_PER_CENTRE * size), rng)
    drawn = spread_greedily(_narrow(centred[rows], rng), counts, size, rng)
    missing = rng.permutation(np.setdiff1d(np.arange(len(centred)), rows))[: size - len(drawn)]
    return np.concatenate([rows[drawn], missing])


def _narrow(points: Floats, rng: np.random.Generator) -> Floats:
    """Return (n, d) points along d random directions, at most 64; distances keep their proportions roughly."""
    if points.shape[1] <= START_DIRECTIONS:
        return points
    directions = rng.standard_normal((points.shape[1], START_DIRECTIONS), dtype=np.float32)
    return np.asarray(points @ directions)


def _sample(
    count: int, weights: Floats | None, most: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return distinct rows that stand for all `count`, and how much each of them counts."""
    if weights is None:
        rows = np.arange(count) if count <= most else rng.permutation(count)[:most]
        return rows, np.ones(len(rows))
    if count <= most:
        return np.arange(count), weights.astype(np.float64)
    # drawn again and again by weight: a row counts as often as it came
    summed = np.cumsum(weights, dtype=np.float64)
    came = np.searchsorted(summed, rng.random(most) * summed[-1], side="right")
    rows, times = np.unique(np.minimum(came, count - 1), return_counts=True)
    return rows, times.astype(np.float64)

"""k-means by faiss, begun from centres that lie apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.seeding import spread_greedily

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
    """The row nearest each of `size` k-means centres, that of the largest cluster first; equally near ones by lot.

    Returns:
        (m,) distinct rows, m <= size: fewer where copies left centres empty; and (m,) how many rows each stands for.

    >>> rows, members = central_rows(np.array([[0.0], [1.0], [2.0], [9.0]]), 2, np.random.default_rng(0))
    >>> rows.tolist(), members.tolist()
    ([1, 3], [3, 1])
    """
    return central(*kmeans(points, size, rng, iterations, weights), rng)


def central(
    clusters: NDArray[np.int64], distance: Floats, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What `central_rows` gives, from the (N,) cluster of each row and its (N,) distance to the centre."""
    shuffled = rng.permutation(len(clusters))
    nearest = shuffled[np.lexsort((distance[shuffled], clusters[shuffled]))]
    nearest = nearest[np.diff(clusters[nearest], prepend=-1) > 0]
    members = np.bincount(clusters)[clusters[nearest]]
    order = np.argsort(-members, kind="stable")
    return nearest[order], members[order]


def _first(centred: Floats, weights: Floats | None, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(size,) distinct rows to begin with, drawn by weight times squared distance to those drawn before."""
    rows, counts = _sample(len(centred), weights, max(START_ROWS, START_PER_CENTRE * size), rng)
    drawn = spread_greedily(_narrow(centred[rows], rng), counts, size, rng)
    missing = rng.permutation(np.setdiff1d(np.arange(len(centred)), rows))[: size - len(drawn)]
    return np.concatenate([rows[drawn], missing])


def _narrow(points: Floats, rng: np.random.Generator) -> Floats:
    """(n, d) points along d random directions, at most 64; distances keep their proportions roughly."""
    if points.shape[1] <= START_DIRECTIONS:
        return points
    directions = rng.standard_normal((points.shape[1], START_DIRECTIONS), dtype=np.float32)
    return np.asarray(points @ directions)


def _sample(
    count: int, weights: Floats | None, most: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Distinct rows that stand for all `count`, and how much each of them counts."""
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

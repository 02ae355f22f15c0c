"""k-means by faiss, seeded from a generator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.types import Floats

POINTS_PER_CENTRE = 256
"""faiss trains on a random sample of at most this many points a centre; more does not move the centres noticeably."""


def kmeans(
    points: Floats, clusters: int, rng: np.random.Generator, iterations: int = 10, weights: Floats | None = None
) -> tuple[NDArray[np.int64], Floats]:
    """Cluster rows around centres (Lloyd 1982).

    With weights a centre is the weighted mean of its rows, and the first centres are drawn by weight as well: drawn
    evenly, nearly all would begin among rows that hardly count.

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
    if weights is None or not weights.any():
        machine.train(centred)
    else:
        first = centred[_drawn(weights, clusters, rng)]
        machine.train(centred, np.ascontiguousarray(weights, dtype=np.float32), first)
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
    clusters, distance = kmeans(points, size, rng, iterations, weights)
    shuffled = rng.permutation(len(points))
    central = shuffled[np.lexsort((distance[shuffled], clusters[shuffled]))]
    central = central[np.diff(clusters[central], prepend=-1) > 0]
    members = np.bincount(clusters)[clusters[central]]
    order = np.argsort(-members, kind="stable")
    return central[order], members[order]


def _drawn(weights: Floats, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(size,) distinct rows, drawn one by one in proportion to their weights (Efraimidis and Spirakis 2006)."""
    with np.errstate(divide="ignore"):
        waits = rng.exponential(size=len(weights)) / weights.astype(np.float64)
    shuffled = rng.permutation(len(weights))  # rows of weight 0 come last, in random order
    return shuffled[np.argsort(waits[shuffled], kind="stable")[:size]]

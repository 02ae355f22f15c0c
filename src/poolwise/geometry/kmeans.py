"""k-means by faiss, seeded from a generator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.types import Floats

POINTS_PER_CENTRE = 256
"""faiss trains on a random sample of at most this many points a centre; more does not move the centres noticeably."""


def kmeans(
    points: Floats, clusters: int, rng: np.random.Generator, iterations: int = 10
) -> tuple[NDArray[np.int64], Floats]:
    """Cluster rows around centres (Lloyd 1982).

    Args:
        points: (N, D) float32, N >= 1.
        clusters: how many centres; at most N are used.
        rng: seeds the choice of the first centres.
        iterations: Lloyd steps.

    Returns:
        (N,) number of each row's cluster and (N,) Euclidean distance to its centre. Cluster numbers may have gaps:
        where rows are copies of each other some centres stay empty.
    """
    import faiss

    clusters = min(clusters, len(points))
    # about a common origin, distances lose fewer digits in float32
    centred = np.ascontiguousarray(points - points.mean(axis=0, dtype=np.float64), dtype=np.float32)
    machine = faiss.Kmeans(
        points.shape[1],
        clusters,
        niter=iterations,
        seed=int(rng.integers(2**31 - 1)),
        min_points_per_centroid=1,  # faiss would print a warning below 39
        max_points_per_centroid=POINTS_PER_CENTRE,
    )
    machine.train(centred)
    squared, assigned = machine.index.search(centred, 1)
    return assigned[:, 0].astype(np.int64), np.sqrt(np.maximum(squared[:, 0], 0))

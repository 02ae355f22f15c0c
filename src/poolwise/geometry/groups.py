"""Group rows by average linkage, also where there are too many for a tree over all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.kmeans import kmeans

MOST = 6000
"""Rows that a tree is grown over at most: its distances take 150 MB then."""


def average_linkage(
    points: Floats, groups: int, rng: np.random.Generator, exact_up_to: int = 2000, iterations: int = 10
) -> NDArray[np.int64]:
    """Cut the tree of average-linkage clustering (UPGMA; Sokal and Michener 1958) into `groups` groups.

    Above `exact_up_to` rows the tree is grown over the centres of many small k-means clusters, each counted once. Where
    more groups are wanted than a tree can be grown over, k-means alone makes them.

    Args:
        points: (N, D) float32.
        groups: how many at most; rows that are copies of each other share one.
        rng: seeds k-means.
        exact_up_to: rows for which the tree is grown over the rows themselves.
        iterations: of k-means.

    Returns:
        (N,) group number from 0 without gaps.
    """
    count = len(points)
    if count <= min(exact_up_to, MOST):
        return _tree(points, groups)
    small = max(exact_up_to, 2 * groups)
    if small > MOST:
        return _numbered(kmeans(points, groups, rng, iterations)[0])
    assigned = _numbered(kmeans(points, small, rng, iterations)[0])
    return _tree(_means(points, assigned), groups)[assigned]


def _tree(points: Floats, groups: int) -> NDArray[np.int64]:
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(points) < 2:
        return np.zeros(len(points), dtype=np.int64)
    return _numbered(fcluster(linkage(points, method="average"), groups, criterion="maxclust"))


def _means(points: Floats, assigned: NDArray[np.int64]) -> Floats:
    order = np.argsort(assigned, kind="stable")
    starts = np.flatnonzero(np.diff(assigned[order], prepend=-1))
    sums = np.add.reduceat(points[order], starts, axis=0)
    counts = np.bincount(assigned)[:, None]
    return np.asarray(sums / counts, dtype=np.float32)


def _numbered(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(groups, return_inverse=True)[1].reshape(-1).astype(np.int64)

"""TypiClust: the most typical sample of each region without labels (Hacohen et al. 2022, algorithm 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import Count, Natural
from poolwise.core.types import Floats, Need, PoolView
from poolwise.geometry.density import typicality
from poolwise.geometry.kmeans import kmeans
from poolwise.query.strategy import Picks, Strategy, best, located

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class TypiClust(Strategy):
    """Cluster the labelled and unlabelled together, and take the densest candidate of each cluster in turn.

    Clusters with the fewest labelled samples come first, the largest of these before others; after the last one it
    goes round again. Small clusters wait until all others are used up. Typicality is one over the mean Euclidean
    distance to the nearest candidates of the same cluster (the paper's equation 4; the authors' code takes squared
    distances), and is looked at anew at each visit, without earlier picks. For few labels, and for none.

    Attributes:
        neighbours: k, how many; at most half of the candidates in the cluster.
        most_clusters: as many clusters as labelled samples and picks together, but no more than this.
        min_cluster: clusters of so many samples or fewer wait until the last.
        unit_length: scale embeddings to length 1 first, as the authors do.
    """

    neighbours: Count = 20
    most_clusters: Count = 500
    min_cluster: Natural = 5
    unit_length: bool = True

    needs: ClassVar[Need] = Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is a typicality."""
        points, labelled = located(view, self.unit_length)
        everything = points if labelled is None else np.concatenate([points, labelled])
        wanted = min(len(everything) - len(points) + size, self.most_clusters)
        clusters = kmeans(everything, wanted, rng)[0]
        sizes, known = np.bincount(clusters), np.bincount(clusters[len(points) :], minlength=clusters.max() + 1)
        order = visits(sizes, known, self.min_cluster, rng)
        rows, scores = self._round(points, clusters[: len(points)], order, size, rng)
        own = clusters[rows]
        sentences = [
            f"typical of a cluster of {count} samples, {seen or 'none'} of them labelled"
            for count, seen in zip(sizes[own], known[own], strict=True)
        ]
        columns = {"cluster": own, "cluster_size": sizes[own], "cluster_labelled": known[own]}
        return Picks(rows, scores, sentences, columns)

    def _round(
        self, points: Floats, clusters: Rows, order: tuple[Rows, Rows], size: int, rng: np.random.Generator
    ) -> tuple[Rows, Floats]:
        """Return (size,) rows and their typicality, cluster after cluster."""
        members = _members(clusters)
        picks: list[int] = []
        scores: list[float] = []
        for cluster in _turns(order, {number: len(rows) for number, rows in members.items()}, size):
            rows = members[cluster]
            dense = typicality(points[rows], max(1, min(self.neighbours, len(rows) // 2)))
            place = int(best(dense, 1, rng)[0])
            picks.append(int(rows[place]))
            scores.append(float(dense[place]))
            members[cluster] = np.delete(rows, place)
        return np.array(picks, dtype=np.int64), np.array(scores, dtype=np.float32)


def visits(sizes: Rows, known: Rows, small: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Return the order in which to visit clusters: fewest labelled, then largest, then at random; the small ones apart.

    Args:
        sizes: (M,) members of each cluster.
        known: (M,) labelled ones among them.
        small: clusters with at most this many members are small.
        rng: breaks ties.

    Returns:
        Numbers of the other clusters, and numbers of the small ones, each first to last.

    >>> first, last = visits(np.array([9, 8, 20, 3]), np.array([0, 0, 1, 0]), 5, np.random.default_rng(0))
    >>> first.tolist(), last.tolist()
    ([0, 1, 2], [3])
    """
    shuffled = rng.permutation(len(sizes))
    order = shuffled[np.lexsort((-sizes[shuffled], known[shuffled]))]
    return order[sizes[order] > small], order[sizes[order] <= small]


def _members(clusters: Rows) -> dict[int, Rows]:
    """Return the rows of each cluster, ascending."""
    order = np.argsort(clusters, kind="stable")
    numbers, starts = np.unique(clusters[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(order, starts[1:]), strict=True))


def _turns(orders: tuple[Rows, Rows], left: dict[int, int], size: int) -> Iterator[int]:
    """Yield the cluster of each pick: round after round through the first order until it is used up, then the second."""
    for order in orders:
        waiting = [number for number in order.tolist() if left.get(number)]
        while waiting and size:
            for number in waiting[:size]:
                left[number] -= 1
                yield number
            size -= min(size, len(waiting))
            waiting = [number for number in waiting if left[number]]

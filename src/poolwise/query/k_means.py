"""Typical samples: the one nearest the centre of each of B clusters of embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.ranges import Count
from poolwise.core.types import Need, PoolView
from poolwise.geometry.kmeans import central, kmeans
from poolwise.geometry.neighbours import unit_rows
from poolwise.query.strategy import Picks, Strategy, required


@dataclass(frozen=True)
class KMeans(Strategy):
    """As many clusters as picks, the sample nearest each centre, largest cluster first.

    Looks at neither predictions nor labels, so it serves for the first batch of all. Where rows are copies of each
    other and clusters stay empty, the rest is drawn at random.

    Attributes:
        iterations: Lloyd steps.
        unit_length: scale embeddings to length 1 first, so that distance means angle.
    """

    iterations: Count = 10
    unit_length: bool = False

    needs: ClassVar[Need] = Need.EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is a share of the pool."""
        points = required(view.embeddings)
        clusters, distance = kmeans(unit_rows(points) if self.unit_length else points, size, rng, self.iterations)
        nearest, counts = central(clusters, distance, rng)
        extra = rng.permutation(np.setdiff1d(np.arange(len(points)), nearest))[: size - len(nearest)]
        rows = np.concatenate([nearest, extra])
        members = np.bincount(clusters)[clusters[rows]]
        sentences = [f"nearest the centre of a cluster of {count}" for count in counts]
        sentences += ["drawn at random: fewer distinct samples than clusters"] * len(extra)
        scores = np.where(np.arange(size) < len(nearest), members / len(points), 0)
        return Picks(rows, scores, sentences, {"cluster": clusters[rows], "cluster_size": members})

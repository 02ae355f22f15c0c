"""Information density: uncertain samples in crowded places (Settles and Craven 2008, section 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np

from poolwise.core.ranges import Count, NonNegative
from poolwise.core.types import Floats, Need, PoolView
from poolwise.geometry.similarity import mean_closeness, mean_cosine
from poolwise.query.acquisition.uncertainty import Measure, uncertainty
from poolwise.query.strategy import Picks, Strategy, best, required


class Similarity(str, Enum):
    """How alike two samples are."""

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"


@dataclass(frozen=True)
class InformationDensity(Strategy):
    """Score = uncertainty * (mean similarity to all candidates) ^ beta. It keeps outliers out, not copies.

    Attributes:
        measure: of uncertainty.
        similarity: cosine (exact over all candidates; below 0 it counts as 0) or euclidean, 1 / (1 + distance).
        beta: weight of density; 0 is plain uncertainty.
        reference: random candidates that the euclidean similarity is averaged over; its error is the spread of
            similarities over the root of this.
    """

    measure: Measure = Measure.MARGIN
    similarity: Similarity = Similarity.COSINE
    beta: NonNegative = 1.0
    reference: Count = 2000

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        unsure = uncertainty(required(view.probs), self.measure, view.task)
        alike = self._alike(required(view.embeddings), rng)
        scores = unsure * alike ** np.float32(self.beta)
        rows = best(scores, size, rng)
        pairs = zip(unsure[rows], alike[rows], strict=True)
        sentences = [f"{self.measure.value} score {u:.2f}, mean similarity to the pool {s:.2f}" for u, s in pairs]
        return Picks(rows, scores[rows], sentences, {"uncertainty": unsure[rows], "density": alike[rows]})

    def _alike(self, points: Floats, rng: np.random.Generator) -> Floats:
        if self.similarity is Similarity.COSINE:
            return np.maximum(mean_cosine(points), 0)
        few = rng.choice(len(points), min(self.reference, len(points)), replace=False)
        return mean_closeness(points, points[np.sort(few)])

"""Clusters among uncertain samples, the most uncertain ones counting most: Zhdanov (2019), and CLUE (Prabhu et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.ranges import Count, Factor, Positive
from poolwise.core.types import Floats, Need, PoolView
from poolwise.geometry.kmeans import central_rows
from poolwise.geometry.neighbours import unit_rows
from poolwise.query.acquisition.temperature import rescaled
from poolwise.query.acquisition.uncertainty import Measure, uncertainty
from poolwise.query.strategy import Picks, Strategy, best, required, topped_up


@dataclass(frozen=True)
class WeightedKMeans(Strategy):
    """Diverse mini-batch (Zhdanov 2019, algorithm 1): of the beta * B most uncertain, those nearest B weighted centres.

    Attributes:
        candidates: beta, how many uncertain candidates a pick; 1 is plain uncertainty. The paper takes 10 (and 50).
        measure: of uncertainty, for the choice and for the weights; the paper's is the margin.
        iterations: Lloyd steps.
        unit_length: scale embeddings to length 1 first, so that distance means angle.
    """

    candidates: Factor = 10.0
    measure: Measure = Measure.MARGIN
    iterations: Count = 10
    unit_length: bool = False

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is the uncertainty."""
        scores = uncertainty(required(view.probs), self.measure, view.task)
        points = required(view.embeddings)
        return uncertain_clusters(
            points, scores, size, rng, self.candidates, self.iterations, self.measure, self.unit_length
        )


@dataclass(frozen=True)
class Clue(Strategy):
    """Clustering uncertainty-weighted embeddings (Prabhu et al. 2021, section 3.2): all candidates, weighed by entropy.

    Above 256 candidates a pick, centres are found on a random sample of that many a centre; every candidate is then
    assigned to its nearest centre, so that all can be picked.

    Attributes:
        temperature: of the probabilities that weights come from; below 1 weighs the uncertain more, above 1 evens out.
            The paper takes 1 and, where the model is sure of most samples, 0.1.
        iterations: Lloyd steps.
        unit_length: scale embeddings to length 1 first, so that distance means angle.
    """

    temperature: Positive = 1.0
    iterations: Count = 10
    unit_length: bool = False

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is the weight."""
        probs = required(view.probs)
        if self.temperature != 1:  # which would change nothing but rounding
            probs = rescaled(probs, self.temperature, view.task)
        weights = uncertainty(probs, Measure.ENTROPY, view.task)
        points = required(view.embeddings)
        points = unit_rows(points) if self.unit_length else points
        return nearest_centres(points, weights, size, rng, self.iterations, "entropy")


def uncertain_clusters(
    points: Floats,
    scores: Floats,
    size: int,
    rng: np.random.Generator,
    candidates: float,
    iterations: int,
    measure: Measure,
    unit_length: bool = False,
) -> Picks:
    """Pick the candidate nearest each of `size` centres of the `candidates * size` rows of highest (N,) score."""
    kept = best(scores, min(len(points), round(candidates * size)), rng)
    some = unit_rows(points[kept]) if unit_length else points[kept]
    picks = nearest_centres(some, scores[kept], size, rng, iterations, measure.value)
    return Picks(kept[picks.rows], picks.scores, picks.sentences, picks.columns)


def nearest_centres(
    points: Floats, weights: Floats, size: int, rng: np.random.Generator, iterations: int, measure: str
) -> Picks:
    """Pick the row nearest each of `size` weighted centres; where copies leave centres empty, the heaviest of the rest."""
    rows, members = central_rows(points, size, rng, iterations, weights)
    rows, extra = topped_up(rows, weights, size, rng)
    members = np.concatenate([members, np.ones(len(extra), dtype=np.int64)])
    pairs = zip(weights[rows], members, strict=True)
    sentences = [f"{measure} score {weight:.2f}, nearest the centre of a cluster of {count}" for weight, count in pairs]
    for place in range(size - len(extra), size):
        sentences[place] = f"{measure} score {weights[rows[place]]:.2f}; fewer distinct candidates than picks"
    return Picks(rows, weights[rows], sentences, {"cluster_size": members})

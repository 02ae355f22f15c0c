"""Clusters among uncertain samples, the most uncertain ones counting most: Zhdanov (2019), and CLUE (Prabhu et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.acquisition.uncertainty import Measure, uncertainty
from poolwise.errors import ConfigError
from poolwise.geometry.kmeans import central_rows
from poolwise.geometry.neighbours import unit_rows
from poolwise.query.picks import Picks, answer, best, required
from poolwise.types import Floats, Need, PoolView, Query, Task


@dataclass(frozen=True)
class WeightedKMeans:
    """Diverse mini-batch (Zhdanov 2019, algorithm 1): of the beta * B most uncertain, those nearest B weighted centres.

    Attributes:
        candidates: beta, how many uncertain candidates a pick; 1 is plain uncertainty. The paper takes 10 (and 50).
        measure: of uncertainty, for the choice and for the weights; the paper's is the margin.
        iterations: Lloyd steps.
        unit_length: scale embeddings to length 1 first, so that distance means angle.
    """

    candidates: float = 10.0
    measure: Measure = Measure.MARGIN
    iterations: int = 10
    unit_length: bool = False

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS

    def __post_init__(self) -> None:
        if not self.candidates >= 1:
            raise ConfigError(f"weighted_k_means: candidates must be at least 1 a pick; got {self.candidates}.")
        check_iterations("weighted_k_means", self.iterations)

    def select(self, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Exactly `size` distinct ids; a score is the uncertainty. Raises PoolExhausted, InvalidArray."""
        return answer(self._pick, self.needs, view, size, rng)

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        scores = uncertainty(required(view.probs), self.measure, view.task)
        kept = best(scores, min(len(view), round(self.candidates * size)), rng)
        points = required(view.embeddings)[kept]
        points = unit_rows(points) if self.unit_length else points
        picks = nearest_centres(points, scores[kept], size, rng, self.iterations, self.measure.value)
        return Picks(kept[picks.rows], picks.scores, picks.sentences, picks.columns)


@dataclass(frozen=True)
class Clue:
    """Clustering uncertainty-weighted embeddings (Prabhu et al. 2021, section 3.2): all candidates, weighed by entropy.

    Above 256 candidates a pick, centres are found on a random sample of that many a centre; every candidate is then
    assigned to its nearest centre, so that all can be picked.

    Attributes:
        temperature: of the probabilities that weights come from; below 1 weighs the uncertain more, above 1 evens out.
            The paper takes 1 and, where the model is sure of most samples, 0.1.
        iterations: Lloyd steps.
        unit_length: scale embeddings to length 1 first, so that distance means angle.
    """

    temperature: float = 1.0
    iterations: int = 10
    unit_length: bool = False

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS

    def __post_init__(self) -> None:
        if not 0 < self.temperature < np.inf:
            raise ConfigError(f"clue: temperature must be above 0 and finite; got {self.temperature}.")
        check_iterations("clue", self.iterations)

    def select(self, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Exactly `size` distinct ids; a score is the weight. Raises PoolExhausted, InvalidArray."""
        return answer(self._pick, self.needs, view, size, rng)

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        weights = uncertainty(tempered(required(view.probs), self.temperature, view.task), Measure.ENTROPY, view.task)
        points = required(view.embeddings)
        points = unit_rows(points) if self.unit_length else points
        return nearest_centres(points, weights, size, rng, self.iterations, "entropy")


def nearest_centres(
    points: Floats, weights: Floats, size: int, rng: np.random.Generator, iterations: int, measure: str
) -> Picks:
    """The row nearest each of `size` weighted centres; where copies leave centres empty, the heaviest of the rest."""
    rows, members = central_rows(points, size, rng, iterations, weights)
    rows, extra = topped_up(rows, weights, size, rng)
    members = np.concatenate([members, np.ones(len(extra), dtype=np.int64)])
    told = zip(weights[rows], members, strict=True)
    sentences = [f"{measure} score {weight:.2f}, nearest the centre of a cluster of {count}" for weight, count in told]
    for at in range(size - len(extra), size):
        sentences[at] = f"{measure} score {weights[rows[at]]:.2f}; fewer distinct candidates than picks"
    return Picks(rows, weights[rows], sentences, {"cluster_size": members})


def topped_up(
    rows: NDArray[np.int64], scores: Floats, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(size,) the rows and, after them, the best of the others by (N,) scores; and those others alone.

    >>> topped_up(np.array([2]), np.array([0.1, 0.3, 0.2]), 2, np.random.default_rng(0))[0].tolist()
    [2, 1]
    """
    rest = np.setdiff1d(np.arange(len(scores)), rows)
    extra = rest[best(scores[rest], size - len(rows), rng)]
    return np.concatenate([rows, extra]), extra


def tempered(probs: Floats, temperature: float, task: Task = Task.MULTICLASS) -> Floats:
    """(N, C) probabilities whose logits are divided by a temperature.

    >>> tempered(np.array([[0.75, 0.25]]), 0.5).round(3).tolist()
    [[0.9, 0.1]]
    """
    if temperature == 1:
        return probs
    # divided by the largest first, so that not all powers of a row can underflow
    if task is Task.MULTILABEL:
        most = np.maximum(probs, 1 - probs)
        powered = (probs / most) ** np.float32(1 / temperature)
        powered /= powered + ((1 - probs) / most) ** np.float32(1 / temperature)
    else:
        powered = (probs / probs.max(axis=1, keepdims=True)) ** np.float32(1 / temperature)
        powered /= powered.sum(axis=1, keepdims=True)
    return np.asarray(powered, dtype=probs.dtype)


def check_iterations(name: str, iterations: int) -> None:
    """Raises ConfigError below 1."""
    if iterations < 1:
        raise ConfigError(f"{name}: iterations must be at least 1; got {iterations}.")

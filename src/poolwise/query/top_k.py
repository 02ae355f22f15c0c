"""The most uncertain samples, each on its own merit: least confidence, margin, entropy (Settles 2009, section 3.1).

Quick and hard to beat with many labels a class, but a batch may hold many near-copies of one hard picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Need, PoolView, Task
from poolwise.query.acquisition import confidence
from poolwise.query.strategy import Picks, Strategy, best, required


@dataclass(frozen=True)
class LeastConfidence(Strategy):
    """Smallest probability of the most probable class; see `acquisition.confidence.least_confidence`."""

    needs: ClassVar[Need] = Need.PROBS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        probs = required(view.probs)
        scores = confidence.least_confidence(probs, view.task)
        rows = best(scores, size, rng)
        if view.task is Task.MULTILABEL:
            sentences = [f"mean confidence {1 - score:.2f} over the classes" for score in scores[rows]]
        else:
            predicted = zip(probs[rows].argmax(axis=1), probs[rows].max(axis=1), strict=True)
            sentences = [f"class {number} with probability {p:.2f} only" for number, p in predicted]
        return Picks(rows, scores[rows], sentences)


@dataclass(frozen=True)
class Margin(Strategy):
    """Smallest lead of the first class over the second (Scheffer et al. 2001); see `acquisition.confidence.margin`."""

    needs: ClassVar[Need] = Need.PROBS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        probs = required(view.probs)
        scores = confidence.margin(probs, view.task)
        rows = best(scores, size, rng)
        return Picks(rows, scores[rows], margin_sentences(probs[rows], scores[rows], view.task))


@dataclass(frozen=True)
class Entropy(Strategy):
    """Largest entropy of the predicted distribution; see `acquisition.confidence.entropy`."""

    needs: ClassVar[Need] = Need.PROBS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        probs = required(view.probs)
        scores = confidence.entropy(probs, view.task)
        rows = best(scores, size, rng)
        most = np.log(2 if view.task is Task.MULTILABEL else probs.shape[1])
        return Picks(rows, scores[rows], [f"entropy {score:.2f} of at most {most:.2f} nats" for score in scores[rows]])


def margin_sentences(probs: Floats, scores: NDArray[np.float32], task: Task) -> list[str]:
    """Return why each of (B, C) rows with (B,) margin scores was picked.

    >>> margin_sentences(np.array([[0.5, 0.25, 0.25]]), np.array([0.75], dtype=np.float32), Task.MULTICLASS)
    ['margin 0.25 between class 0 and class 1']
    """
    if task is Task.MULTILABEL:
        unsure = np.abs(2 * probs - 1).argmin(axis=1)
        return [
            f"class {number} present with probability {row[number]:.2f}"
            for number, row in zip(unsure, probs, strict=True)
        ]
    rivals = zip(1 - scores, *confidence.two_most_probable(probs), strict=True)
    return [f"margin {gap:.2f} between class {first} and class {second}" for gap, first, second in rivals]

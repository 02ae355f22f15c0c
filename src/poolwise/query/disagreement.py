"""The samples on which stochastic draws disagree most, each on its own merit: variation ratio, mean deviation, BALD.

A batch may hold many near-copies of one sample; `batch_bald` and `power_bald` are made against that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.types import Floats, Need, PoolView, Task
from poolwise.query.acquisition import disagreement
from poolwise.query.strategy import Picks, Strategy, best, required

ALONE = "picked at random: a single draw has nothing to disagree with"


@dataclass(frozen=True)
class VariationRatio(Strategy):
    """Smallest consensus for the first class; see `acquisition.disagreement.variation_ratio`."""

    needs: ClassVar[Need] = Need.DRAWS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        draws = required(view.log_probs_nkc)
        scores = disagreement.variation_ratio(draws, view.task)
        rows = best(scores, size, rng)
        if view.task is Task.MULTILABEL:
            sentences = [f"mean confidence {1 - score:.2f} of the draws over the classes" for score in scores[rows]]
        else:
            sentences = _consensus_sentences(draws[rows])
        return Picks(rows, scores[rows], sentences)


@dataclass(frozen=True)
class MeanStd(Strategy):
    """Largest deviation of probabilities over the draws; see `acquisition.disagreement.mean_std`."""

    needs: ClassVar[Need] = Need.DRAWS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        draws = required(view.log_probs_nkc)
        scores = disagreement.mean_std(draws)
        rows = best(scores, size, rng)
        count = draws.shape[1]
        deviation = f"mean deviation of the probabilities over {count} draws"
        sentences = [ALONE if count == 1 else f"{deviation} {score:.3g}" for score in scores[rows]]
        return Picks(rows, scores[rows], sentences)


@dataclass(frozen=True)
class Bald(Strategy):
    """Most information of a label about the model; see `acquisition.disagreement.bald`."""

    needs: ClassVar[Need] = Need.DRAWS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        draws = required(view.log_probs_nkc)
        scores = disagreement.bald(draws, view.task)
        rows = best(scores, size, rng)
        return Picks(rows, scores[rows], [bald_sentence(score, draws.shape[1]) for score in scores[rows]])


def bald_sentence(score: float, draws: int) -> str:
    """Return why a sample with this BALD score over so many draws was picked.

    >>> bald_sentence(0.125, 20)
    '20 draws disagree by 0.125 nats'
    """
    return ALONE if draws == 1 else f"{draws} draws disagree by {score:.3g} nats"


def _consensus_sentences(draws: Floats) -> list[str]:
    means = np.exp(draws).mean(axis=1)
    firsts = zip(means.argmax(axis=1), means.max(axis=1), strict=True)
    return [f"class {number} with mean probability {p:.2f} over {draws.shape[1]} draws" for number, p in firsts]

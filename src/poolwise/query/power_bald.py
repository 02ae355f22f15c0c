"""Samples drawn by their BALD score instead of the highest alone (Kirsch et al. 2023, section 3, table 1).

The highest scores of today are not the highest once the first of the batch is labelled. Drawing stands for that
uncertainty, spreads the batch, and costs no more than BALD.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import NonNegative
from poolwise.core.types import Floats, Need, PoolView
from poolwise.query.acquisition.disagreement import bald
from poolwise.query.disagreement import bald_sentence
from poolwise.query.strategy import Picks, Strategy, best, required


class Form(str, Enum):
    """How a score s becomes a weight: s^beta, e^(beta s), or rank^-beta."""

    POWER = "power"
    SOFTMAX = "softmax"
    SOFTRANK = "softrank"


@dataclass(frozen=True)
class PowerBald(Strategy):
    """Draws without replacement, in proportion to a weight that grows with BALD.

    Attributes:
        form: of the weight. Power never draws a score of 0 unless nothing else is left; softmax draws almost evenly, as
            scores differ by less than a nat; softrank looks at the order alone.
        beta: 0 draws evenly, 1 is the paper's, towards infinity the highest scores are taken.
    """

    form: Form = Form.POWER
    beta: NonNegative = 1.0

    needs: ClassVar[Need] = Need.DRAWS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is a BALD score."""
        draws = required(view.log_probs_nkc)
        scores = bald(draws, view.task)
        ranks = _ranks(scores, rng)
        rows = best(log_weights(scores, ranks, self.form, self.beta) + rng.gumbel(size=len(scores)), size, rng)
        pairs = zip(scores[rows], ranks[rows], strict=True)
        sentences = [
            f"drawn: {bald_sentence(score, draws.shape[1])}, number {rank} of {len(view)}" for score, rank in pairs
        ]
        return Picks(rows, scores[rows], sentences, {"bald_rank": ranks[rows]})


def log_weights(scores: Floats, ranks: NDArray[np.int64], form: Form, beta: float) -> NDArray[np.float64]:
    """Return (N,) logarithms of the weights to draw by, for standard Gumbel noise to be added.

    Args:
        scores: (N,) not negative.
        ranks: (N,) from 1, the highest score first.
        form: of the weight.
        beta: its exponent.

    >>> np.exp(log_weights(np.array([0.5, 0.0]), np.array([1, 2]), Form.POWER, 2.0)).tolist()
    [0.25, 0.0]
    >>> np.exp(log_weights(np.array([0.5, 0.0]), np.array([1, 2]), Form.SOFTRANK, 1.0)).tolist()
    [1.0, 0.5]
    """
    exact = np.asarray(scores, dtype=np.float64)
    if form is Form.SOFTMAX:
        return beta * exact
    if form is Form.SOFTRANK:
        return -beta * np.log(ranks)
    return np.where(exact > 0, beta * np.log(np.where(exact > 0, exact, 1)), -np.inf)


def _ranks(scores: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[best(scores, len(scores), rng)] = np.arange(1, len(scores) + 1)
    return ranks

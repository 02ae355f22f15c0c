"""Scores of any metric as errors above its best value, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolwise.core.errors import InvalidArray, listed
from poolwise.metric.curve.family import Values

SLACK = 1e-9
"""By how much rounding may push a score beyond the best one, relative to the range."""


@dataclass(frozen=True)
class Scale:
    """Where a metric is best, and where it is worst.

    Attributes:
        best: value of a perfect model.
        higher: whether higher is better.
        worst: the largest error that there can be; infinity for a metric without a bound.
    """

    best: float
    higher: bool
    worst: float

    def errors(self, scores: Values) -> Values:
        """Distance from the best value, on the side where scores lie."""
        return np.asarray(self.best - scores if self.higher else scores - self.best)

    def scores(self, errors: Values) -> Values:
        """The way back, never beyond the best value or the worst.

        >>> Scale(1.0, True, 1.0).scores(np.array([-0.1, 0.25, 2.0])).tolist()
        [1.0, 0.75, 0.0]
        """
        inside = np.clip(errors, 0, self.worst)
        return np.asarray(self.best - inside if self.higher else self.best + inside)

    def error(self, score: float, name: str) -> float:
        """One value, such as a target, as an error.

        Raises:
            InvalidArray: it is not a finite number, better than the best value, or worse than the worst.
        """
        value = float(score)
        side = "at most" if self.higher else "at least"
        error = self.best - value if self.higher else value - self.best
        if not np.isfinite(error) or error < -SLACK:
            raise InvalidArray(f"{name} must be a number {side} best={self.best:g}; got {score!r}.")
        if error > self.worst * (1 + SLACK):
            raise InvalidArray(f"{name} is {score!r}, worse than the worst score there can be ({self._worst_score:g}).")
        return max(error, 0.0)

    @property
    def _worst_score(self) -> float:
        return self.best - self.worst if self.higher else self.best + self.worst


def scale_of(scores: Values, *, higher: bool, best: float) -> Scale:
    """The scale that scores lie on.

    Where lower is better, the default best=1 is taken for 0, as of an error or a loss. The worst value is 0 where higher is
    better (or the lowest score seen, if below), and 1 for errors that all lie within 0 and 1.

    Raises:
        InvalidArray: `best` is not finite, or scores are better than it.

    >>> scale_of(np.array([0.8]), higher=True, best=1.0)
    Scale(best=1.0, higher=True, worst=1.0)
    >>> scale_of(np.array([0.2]), higher=False, best=1.0)
    Scale(best=0.0, higher=False, worst=1.0)
    """
    if not np.isfinite(best):
        raise InvalidArray(f"best must be the score of a perfect model, a finite number; got {best!r}.")
    top = 0.0 if not higher and best == 1.0 else float(best)
    low, high = float(scores.min()), float(scores.max())
    slack = SLACK * max(abs(top), high - low)
    beyond = scores[scores > top + slack] if higher else scores[scores < top - slack]
    if beyond.size:
        hint = "; for percent say best=100" if higher and top == 1.0 and high <= 100 else ""
        raise InvalidArray(f"scores must not be better than best={top:g}; got {listed(np.unique(beyond))}{hint}.")
    if higher:
        return Scale(top, True, top - min(0.0, low))
    return Scale(top, False, 1.0 if top == 0 and high <= 1 else np.inf)

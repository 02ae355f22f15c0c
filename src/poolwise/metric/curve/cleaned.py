"""Cleaned against raw labels, by two learning curves: by how much better, and what a clean label is worth in raw ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from poolwise.core.errors import ConfigError
from poolwise.metric.curve.fit import CurveFit, Prediction
from poolwise.metric.curve.required import HORIZON

STEPS = 400


@dataclass(frozen=True, eq=False)
class CurveDifference:
    """Two fits of one metric on one test set, over shared sizes and seeds where that can be had.

    Attributes:
        raw, clean: fits.
    """

    raw: CurveFit
    clean: CurveFit

    def __post_init__(self) -> None:
        same = (self.raw.scale.best, self.raw.scale.higher) == (self.clean.scale.best, self.clean.scale.higher)
        if not same:
            raise ConfigError("both curves must be of one metric: `best` and `higher_is_better` differ.")

    def at(self, n: ArrayLike, level: float = 0.8) -> Prediction:
        """Return by how much the clean labels are better at n (in scores, positive: better), with an interval.

        The two fits are taken for independent: where they share subsets and seeds, the interval is too wide rather than
        too narrow.
        """
        mean, low, high = (np.asarray(part) for part in self.clean.predict(n, level))
        other, under, over = (np.asarray(part) for part in self.raw.predict(n, level))
        sign = 1 if self.raw.scale.higher else -1
        gain = sign * (mean - other)
        half = np.hypot(high - low, over - under) / 2
        parts = (gain, gain - half, gain + half)
        return Prediction(*(part if part.ndim else float(part) for part in parts))

    def probability(self, n: float) -> float:
        """Return the probability that the clean labels are better at n, from the same interval."""
        mean, low, high = self.at(float(n))
        spread = (high - low) / (2 * ndtri(0.9))
        return float(ndtr(mean / spread)) if spread > 0 else 0.5 * (1 + np.sign(mean))

    def worth(self, n: float) -> float:
        """Return how many raw labels one clean label is worth at n: as many raw ones as reach the same score, over n.

        Infinity where 64 times the raw labels measured do not reach it; at most 1 where cleaning does not help.
        """
        wanted = float(self.clean.predict(float(n)).mean)
        sizes = np.geomspace(min(self.raw.sizes[0], n), HORIZON * self.raw.seen.last, STEPS)
        scores = np.asarray(self.raw.predict(sizes).mean)
        better = scores >= wanted if self.raw.scale.higher else scores <= wanted
        if not better.any():
            return float("inf")
        at = int(np.argmax(better))
        if at == 0:
            return float(sizes[0] / n)
        share = (wanted - scores[at - 1]) / (scores[at] - scores[at - 1])
        return float(sizes[at - 1] ** (1 - share) * sizes[at] ** share / n)

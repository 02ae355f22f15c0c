"""From a curve to numbers of labels: how many a target needs, and with what probability it can be reached at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from poolwise.metric.curve.family import TINY, Values
from poolwise.metric.curve.posterior import Posterior, below

HORIZON = 64
"""Sizes beyond so many times the largest one measured are not told: they are infinite, "not within reach"."""
STEPS = 12
"""Points of the grid of sizes for each doubling."""


class Required(NamedTuple):
    """Sizes at which a target is reached with probability .1, .5 and .9; infinity where that is not within reach.

    Attributes:
        p10, p50, p90: rising.
    """

    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, eq=False)
class Reach:
    """With what probability a target is reached, over all sizes: from the mixture that intervals come from, so that they agree.

    Where the last point is repeated, there is no model error: it would have a score rise that is not expected to.

    Attributes:
        posterior: the curves.
        error: the target, as an error.
    """

    posterior: Posterior
    error: float

    @cached_property
    def sizes(self) -> Values:
        """(M,) log-spaced, from the smallest size measured to the horizon."""
        first, last = self.posterior.first, self.posterior.last * HORIZON
        return np.asarray(np.geomspace(first, last, int(np.ceil(np.log2(last / first) * STEPS)) + 1))

    @cached_property
    def chances(self) -> Values:
        """(M,) never falling: what a smaller size reaches, a larger one does."""
        return self.at(self.sizes)

    @cached_property
    def ever(self) -> float:
        """Probability that the curve levels off at or below the target, or gets there within the horizon."""
        limit, spread = self.posterior.limits
        sure = np.where(limit <= self.error, 1.0, 0.0)
        chances = np.where(spread > 0, ndtr((self.error - limit) / np.maximum(spread, TINY)), sure)
        return min(1.0, max(float(self.posterior.weight @ chances), float(self.chances[-1])))

    def at(self, n: Values) -> Values:
        """Return (m,) probability at rising sizes n."""
        mean, spread = self.posterior.at(n) if self.posterior.rises else self.posterior.curves_at(n)
        chances = below(self.posterior.weight, mean, spread, np.full(len(n), self.error))
        return np.minimum(np.maximum.accumulate(chances), 1.0)

    def size(self, chance: float) -> float:
        """Return the smallest size with this probability, straight in ln n between points; infinity beyond the horizon."""
        at = int(np.searchsorted(self.chances, chance))
        if at == len(self.sizes):
            return float("inf")
        if at == 0:
            return float(self.sizes[0])
        low, high = self.chances[at - 1], self.chances[at]
        share = (chance - low) / (high - low)
        return float(self.sizes[at - 1] ** (1 - share) * self.sizes[at] ** share)

    @property
    def required(self) -> Required:
        """At probability .1, .5 and .9."""
        return Required(self.size(0.1), self.size(0.5), self.size(0.9))

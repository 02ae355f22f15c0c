"""M4 of Alabdulmohsin, Neyshabur, Zhai (2022): from a power law (alpha = 0) to a logistic one (alpha = 1) and beyond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Values

STEPS = 12
"""Of Newton; the function is convex or concave in the logit, and eight are enough for 12 digits."""


@dataclass(frozen=True)
class M4:
    """(e - a) / (e0 - e)^alpha = b u^-c, as e = a + (e0 - a) t with t / (1 - t)^alpha = (u / s)^-c.

    Attributes:
        smallest, largest: bounds of the scale s; the first in units of the smallest size, the second of the largest.
        scales: points of its grid.
        slowest, fastest: bounds of the exponent c.
        exponents: points of its grid.
        sharpest, bluntest: bounds of alpha; 1 is mmf4.
        bends: points of its grid.
        centre, spread: of the log-normal prior of c.
    """

    smallest: float = 0.03
    largest: float = 3.0
    scales: int = 14
    slowest: float = 0.15
    fastest: float = 2.5
    exponents: int = 12
    sharpest: float = 0.25
    bluntest: float = 4.0
    bends: int = 5
    centre: float = 0.55
    spread: float = 0.7

    uses: ClassVar[int | None] = None
    asymptote: ClassVar[bool] = True
    level: ClassVar[float] = 0.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Scale, exponent and alpha."""
        exponent = Axis(self.slowest, self.fastest, self.exponents, self.centre, self.spread)
        bend = Axis(self.sharpest, self.bluntest, self.bends)
        return Axis(self.smallest * first, self.largest, self.scales), exponent, bend

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """t, by Newton.

        >>> M4().form(np.array([1.0, 9.0]), np.array([[1.0, 0.5, 1.0]]), 100).round(6).tolist()
        [[0.5, 0.25]]
        """
        wanted = -shape[:, 1:2] * (np.log(u) - np.log(shape[:, :1]))
        return solved(wanted, shape[:, 2:])


def solved(log_x: Values, alpha: Values) -> Values:
    """(S, m) t in (0, 1) with ln t - alpha ln(1 - t) = log_x, which rises in t: Newton on the logit of t.

    >>> solved(np.array([[0.0]]), np.array([[1.0]])).round(9).tolist()
    [[0.5]]
    """
    logit = log_x / np.where(log_x > 0, alpha, 1.0)
    for _ in range(STEPS):
        t = 1 / (1 + np.exp(-logit))
        # in the logit z: ln t = -ln(1 + e^-z), ln(1 - t) = -ln(1 + e^z); the slope lies between 1 and alpha
        value = -np.logaddexp(0, -logit) + alpha * np.logaddexp(0, logit)
        logit = logit - (value - log_x) / ((1 - t) + alpha * t)
    return np.asarray(1 / (1 + np.exp(-logit)))

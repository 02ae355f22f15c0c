"""The power law that starts late: flat over few labels (LCDB's pow4, Mohr et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Values


@dataclass(frozen=True)
class Pow4:
    """e(n) = a + b (u + d)^-c.

    Attributes:
        slowest, fastest: bounds of the exponent c.
        exponents: points of its grid.
        nearest, farthest: bounds of the shift d, in units of the smallest size.
        shifts: points of its grid.
        centre, spread: of the log-normal prior of c.
    """

    slowest: float = 0.03
    fastest: float = 3.0
    exponents: int = 32
    nearest: float = 0.25
    farthest: float = 16.0
    shifts: int = 10
    centre: float = 0.6
    spread: float = 0.8

    uses: ClassVar[int | None] = None
    asymptote: ClassVar[bool] = True
    level: ClassVar[float] = 0.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Exponent and shift."""
        exponent = Axis(self.slowest, self.fastest, self.exponents, self.centre, self.spread)
        return exponent, Axis(self.nearest * first, self.farthest * first, self.shifts)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """(u + d)^-c.

        >>> Pow4().form(np.array([1.0, 13.0]), np.array([[0.5, 3.0]]), 100).tolist()
        [[0.5, 0.25]]
        """
        return np.asarray(np.exp(-shape[:, :1] * np.log(u + shape[:, 1:])))

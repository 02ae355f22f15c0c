"""Weibull, the stretched exponential; LCDB's exp4 is the same curve (Mohr et al. 2022). Best within the data, not beyond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Values


@dataclass(frozen=True)
class Wbl4:
    """e(n) = a + b exp(-t u^d).

    Attributes:
        slowest, fastest: bounds of the rate t.
        rates: points of its grid.
        flattest, steepest: bounds of the power d.
        powers: points of its grid.
    """

    slowest: float = 0.05
    fastest: float = 20.0
    rates: int = 24
    flattest: float = 0.15
    steepest: float = 1.0
    powers: int = 12

    uses: ClassVar[int | None] = None
    asymptote: ClassVar[bool] = True
    level: ClassVar[float] = 0.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Rate and power."""
        return Axis(self.slowest, self.fastest, self.rates), Axis(self.flattest, self.steepest, self.powers)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """exp(-t u^d).

        >>> Wbl4().form(np.array([1.0, 4.0]), np.array([[np.log(2), 0.5]]), 100).round(9).tolist()
        [[0.5, 0.25]]
        """
        return np.asarray(np.exp(-shape[:, :1] * np.exp(shape[:, 1:] * np.log(np.maximum(u, 1e-300)))))

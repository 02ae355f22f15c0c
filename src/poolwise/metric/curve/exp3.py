"""The exponential: falls faster than curves of pictures do; here to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Values


@dataclass(frozen=True)
class Exp3:
    """e(n) = a + b exp(-t u).

    Attributes:
        slowest, fastest: bounds of the rate t.
        rates: points of its grid.
    """

    slowest: float = 0.05
    fastest: float = 20.0
    rates: int = 96

    uses: ClassVar[int | None] = None
    asymptote: ClassVar[bool] = True
    level: ClassVar[float] = 0.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """The rate."""
        return (Axis(self.slowest, self.fastest, self.rates),)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """exp(-t u).

        >>> Exp3().form(np.array([0.0, 1.0]), np.array([[np.log(2)]]), 100).round(9).tolist()
        [[1.0, 0.5]]
        """
        return np.asarray(np.exp(-shape[:, :1] * u))

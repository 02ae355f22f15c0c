"""The power law with an asymptote (M2 of Alabdulmohsin et al. 2022; Hestness et al. 2017; Figueroa et al. 2012)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Values


@dataclass(frozen=True)
class Pow3:
    """e(n) = a + b u^-c.

    Attributes:
        slowest, fastest: bounds of the exponent c; published ones are 0.07 to 0.5.
        exponents: points of its grid.
        centre, spread: of the log-normal prior of c.
    """

    slowest: float = 0.03
    fastest: float = 3.0
    exponents: int = 48
    centre: float = 0.45
    spread: float = 0.8

    uses: ClassVar[int | None] = None
    asymptote: ClassVar[bool] = True
    level: ClassVar[float] = 0.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """The exponent."""
        return (Axis(self.slowest, self.fastest, self.exponents, self.centre, self.spread),)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """u^-c.

        >>> Pow3().form(np.array([1.0, 4.0]), np.array([[0.5]]), 100).tolist()
        [[1.0, 0.5]]
        """
        return np.asarray(np.exp(-shape[:, :1] * np.log(u)))

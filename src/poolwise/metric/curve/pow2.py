"""The power law without an asymptote (M1 of Alabdulmohsin et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Values


@dataclass(frozen=True)
class Pow2:
    """e(n) = b u^-c.

    Attributes:
        slowest, fastest: bounds of the exponent c.
        exponents: points of its grid.
        centre, spread: of the log-normal prior of c.
    """

    slowest: float = 0.02
    fastest: float = 2.0
    exponents: int = 96
    centre: float = 0.35
    spread: float = 0.8

    uses: ClassVar[int | None] = None
    asymptote: ClassVar[bool] = False
    level: ClassVar[float] = 0.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """The exponent."""
        return (Axis(self.slowest, self.fastest, self.exponents, self.centre, self.spread),)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """u^-c.

        >>> Pow2().form(np.array([1.0, 4.0]), np.array([[0.5]]), 100).tolist()
        [[1.0, 0.5]]
        """
        return np.asarray(np.exp(-shape[:, :1] * np.log(u)))

"""Morgan-Mercer-Flodin: a power law that begins at a finite error (best of LCDB's 16 far out, Mohr et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Values


@dataclass(frozen=True)
class Mmf4:
    """e(n) = a + b / (1 + (u / s)^d), logistic in ln n.

    Attributes:
        smallest, largest: bounds of the scale s; the first in units of the smallest size, the second of the largest.
        scales: points of its grid.
        slowest, fastest: bounds of the slope d.
        slopes: points of its grid.
        centre, spread: of the log-normal prior of d.
    """

    smallest: float = 0.03
    largest: float = 3.0
    scales: int = 20
    slowest: float = 0.15
    fastest: float = 2.5
    slopes: int = 14
    centre: float = 0.75
    spread: float = 0.7

    uses: ClassVar[int | None] = None
    asymptote: ClassVar[bool] = True
    level: ClassVar[float] = 0.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Scale and slope."""
        slope = Axis(self.slowest, self.fastest, self.slopes, self.centre, self.spread)
        return Axis(self.smallest * first, self.largest, self.scales), slope

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """1 / (1 + (u / s)^d).

        >>> Mmf4().form(np.array([1.0, 9.0]), np.array([[1.0, 0.5]]), 100).tolist()
        [[0.5, 0.25]]
        """
        return np.asarray(1 / (1 + np.exp(shape[:, 1:] * (np.log(u) - np.log(shape[:, :1])))))

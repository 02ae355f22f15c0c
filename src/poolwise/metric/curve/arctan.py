"""The arctangent (Mahmood et al. 2022; APEx-GP 2023): often wrong far out; here to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Values


@dataclass(frozen=True)
class Arctan:
    """e(n) = a + b (1 - 2/pi atan(pi/2 t u + o)); theirs has b = 1.

    Attributes:
        slowest, fastest: bounds of the rate t.
        rates: points of its grid.
        lowest, highest: bounds of the offset o.
        offsets: points of its grid.
    """

    slowest: float = 0.02
    fastest: float = 200.0
    rates: int = 40
    lowest: float = 0.01
    highest: float = 10.0
    offsets: int = 10

    uses: ClassVar[int | None] = None
    asymptote: ClassVar[bool] = True
    level: ClassVar[float] = 0.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Rate and offset."""
        return Axis(self.slowest, self.fastest, self.rates), Axis(self.lowest, self.highest, self.offsets)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """1 - 2/pi atan(pi/2 t u + o), written so that it stays exact far out.

        >>> Arctan().form(np.array([0.0]), np.array([[1.0, 1.0]]), 100).round(9).tolist()
        [[0.5]]
        """
        return np.asarray(2 / np.pi * np.arctan2(1.0, np.pi / 2 * shape[:, :1] * u + shape[:, 1:]))

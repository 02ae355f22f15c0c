"""The inverse logarithm: two numbers, good with few points (LCDB's ilog2, Mohr et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Values


@dataclass(frozen=True)
class Ilog2:
    """e(n) = a + b / ln n: the one family for which it matters what is counted, pictures or thousands of them."""

    uses: ClassVar[int | None] = None
    asymptote: ClassVar[bool] = True
    level: ClassVar[float] = 0.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """No shape."""
        return ()

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """1 / ln n, from n = 2 on.

        >>> Ilog2().form(np.array([1.0, 100.0]), np.empty((1, 0)), 100.0).round(6).tolist()
        [[0.217147, 0.108574]]
        """
        return np.tile(1 / np.log(np.maximum(u * last, 2.0)), (len(shape), 1))

"""The last measured point, repeated: the baseline that every other family has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Values


@dataclass(frozen=True)
class Last1:
    """e(n) = error at the largest size."""

    uses: ClassVar[int | None] = 1
    asymptote: ClassVar[bool] = False
    level: ClassVar[float] = 1.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """No shape."""
        return ()

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Ones.

        >>> Last1().form(np.array([1.0, 8.0]), np.empty((1, 0)), 100).tolist()
        [[1.0, 1.0]]
        """
        return np.ones((len(shape), len(u)))

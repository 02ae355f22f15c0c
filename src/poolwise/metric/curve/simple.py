"""Two sizes or one: what was measured, straight in ln n between, and nothing beyond."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from poolwise.metric.curve.family import Values
from poolwise.metric.curve.measurements import Observed


def between(seen: Observed, n: Values, tails: tuple[float, ...]) -> tuple[Values, Values]:
    """Return (m,) errors at sizes inside those measured, and (tails, m) quantiles from the repeats.

    >>> from poolwise.metric.curve.measurements import observed
    >>> seen = observed(np.array([10.0, 1000.0]), [np.array([0.5, 0.5]), np.array([0.25, 0.25])])
    >>> between(seen, np.array([100.0]), (0.1,))[0].tolist()
    [0.375]
    """
    x, knots = np.log(n), np.log(seen.sizes)
    mean = np.interp(x, knots, seen.errors)
    noise = np.interp(x, knots, seen.noise)
    return mean, mean + ndtri(np.asarray(tails))[:, None] * noise

"""The one curve of a family that lies closest to the points: variable projection on a grid, then polished.

For each shape the asymptote and the amplitude follow in closed form, inside their bounds; the best shape of the grid is
where a bounded search sets out, so that it cannot get lost. A curve alone is no forecast: see `posterior`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from poolwise.metric.curve.family import TINY, Family, Values, grid
from poolwise.metric.curve.measurements import Observed

FINE = 1e-15
MOST = 400


@dataclass(frozen=True, eq=False)
class ClosestCurve:
    """e(n) = asymptote + amplitude * f(n / last; shape).

    Attributes:
        family: its form.
        asymptote, amplitude: not below 0.
        shape: (axes,).
        last: the largest size measured.
        loss: weighted mean of squared residuals.
    """

    family: Family
    asymptote: float
    amplitude: float
    shape: Values
    last: float
    loss: float

    def errors(self, n: Values) -> Values:
        """Return (m,) errors at sizes n."""
        f = self.family.form(np.asarray(n, dtype=np.float64) / self.last, self.shape[None, :], self.last)
        return np.asarray(self.asymptote + self.amplitude * f[0])


def closest(family: Family, seen: Observed) -> ClosestCurve:
    """Return the curve of least squares, each size weighed by its noise; alike where there is none.

    >>> from poolwise.metric.curve.measurements import observed
    >>> from poolwise.metric.curve.families import Pow3
    >>> n = np.array([100.0, 200, 400, 800, 1600])
    >>> curve = closest(Pow3(), observed(n, [np.array([0.1 + e, 0.1 + e]) for e in 2 * n**-0.5]))
    >>> round(curve.asymptote, 6), curve.shape.round(6).tolist()
    (0.1, [0.5])
    """
    used = seen.largest(family.uses)
    weight = 1 / (used.noise**2 + (1e-3 * used.errors.max() + TINY) ** 2)
    weight = weight / weight.sum()
    axes = family.axes(used.sizes[0] / used.last)
    best = _best(family, grid(axes).shapes, used, weight)
    if not axes:
        return best
    bounds = np.log([[axis.low for axis in axes], [axis.high for axis in axes]])

    def residuals(log_shape: Values) -> Values:
        curve = _best(family, np.exp(log_shape)[None, :], used, weight)
        return np.asarray(np.sqrt(weight) * (used.errors - curve.errors(used.sizes)))

    inside = np.clip(np.log(best.shape), *bounds)
    polished = least_squares(residuals, inside, bounds=bounds, xtol=FINE, ftol=FINE, gtol=FINE, max_nfev=MOST)
    return min(best, _best(family, np.exp(polished.x)[None, :], used, weight), key=lambda curve: curve.loss)


def _best(family: Family, shapes: Values, used: Observed, weight: Values) -> ClosestCurve:
    f = family.form(used.sizes / used.last, shapes, used.last)
    a, b, loss = projected(f, used.errors, weight, family.asymptote)
    at = int(np.argmin(loss))
    return ClosestCurve(family, float(a[at]), float(b[at]), shapes[at], used.last, float(loss[at]))


def projected(f: Values, errors: Values, weight: Values, free: bool) -> tuple[Values, Values, Values]:
    """Return (S,) best a >= 0 and b >= 0 of e = a + b f for each row of f (S, K), and the loss left.

    >>> a, b, loss = projected(np.array([[1.0, 0.5]]), np.array([0.5, 0.3]), np.array([0.5, 0.5]), True)
    >>> a.round(6).tolist(), b.round(6).tolist(), loss.round(6).tolist()
    ([0.1], [0.4], [0.0])
    """
    mean_f, mean_e = f @ weight, float(errors @ weight)
    variance = (f - mean_f[:, None]) ** 2 @ weight
    slope = (f - mean_f[:, None]) * (errors - mean_e) @ weight / np.maximum(variance, TINY**2)
    through_zero = np.maximum(f * errors @ weight / np.maximum(f**2 @ weight, TINY**2), 0)
    b = np.maximum(slope, 0)
    a = mean_e - b * mean_f
    pinned = (a < 0) if free else np.ones(len(f), dtype=bool)
    a, b = np.where(pinned, 0, a), np.where(pinned, through_zero, b)
    return a, b, (errors - a[:, None] - b[:, None] * f) ** 2 @ weight

"""The families of learning curves: errors e(n) = a + b f(n; shape), each with bounds and grid of its numbers of shape.

Names as in LCDB (Mohr et al. 2022) where the family is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.metric.curve.family import Axis, Family, Values

STEPS = 12
"""Of Newton in M4; the function is convex or concave in the logit, and eight are enough for 12 digits."""


@dataclass(frozen=True)
class Last1(Family):
    """The last measured point, repeated: the baseline that every other family has to beat.

    e(n) = error at the largest size.
    """

    uses: ClassVar[int | None] = 1
    asymptote: ClassVar[bool] = False
    level: ClassVar[float] = 1.0

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape: none."""
        return ()

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return ones.

        >>> Last1().form(np.array([1.0, 8.0]), np.empty((1, 0)), 100).tolist()
        [[1.0, 1.0]]
        """
        return np.ones((len(shape), len(u)))


@dataclass(frozen=True)
class Pow2(Family):
    """The power law without an asymptote (M1 of Alabdulmohsin et al. 2022).

    e(n) = b u^-c.

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

    asymptote: ClassVar[bool] = False

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape: the exponent."""
        return (Axis(self.slowest, self.fastest, self.exponents, self.centre, self.spread),)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return u^-c.

        >>> Pow2().form(np.array([1.0, 4.0]), np.array([[0.5]]), 100).tolist()
        [[1.0, 0.5]]
        """
        return np.asarray(np.exp(-shape[:, :1] * np.log(u)))


@dataclass(frozen=True)
class Pow3(Family):
    """The power law with an asymptote (M2 of Alabdulmohsin et al. 2022; Hestness et al. 2017; Figueroa et al. 2012).

    e(n) = a + b u^-c.

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

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape: the exponent."""
        return (Axis(self.slowest, self.fastest, self.exponents, self.centre, self.spread),)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return u^-c.

        >>> Pow3().form(np.array([1.0, 4.0]), np.array([[0.5]]), 100).tolist()
        [[1.0, 0.5]]
        """
        return np.asarray(np.exp(-shape[:, :1] * np.log(u)))


@dataclass(frozen=True)
class Pow4(Family):
    """The power law that starts late: flat over few labels (LCDB's pow4, Mohr et al. 2022).

    e(n) = a + b (u + d)^-c.

    Attributes:
        slowest, fastest: bounds of the exponent c.
        exponents: points of its grid.
        nearest, farthest: bounds of the shift d, in units of the smallest size.
        shifts: points of its grid.
        centre, spread: of the log-normal prior of c.
    """

    slowest: float = 0.03
    fastest: float = 3.0
    exponents: int = 32
    nearest: float = 0.25
    farthest: float = 16.0
    shifts: int = 10
    centre: float = 0.6
    spread: float = 0.8

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape: exponent and shift."""
        exponent = Axis(self.slowest, self.fastest, self.exponents, self.centre, self.spread)
        return exponent, Axis(self.nearest * first, self.farthest * first, self.shifts)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return (u + d)^-c.

        >>> Pow4().form(np.array([1.0, 13.0]), np.array([[0.5, 3.0]]), 100).tolist()
        [[0.5, 0.25]]
        """
        return np.asarray(np.exp(-shape[:, :1] * np.log(u + shape[:, 1:])))


@dataclass(frozen=True)
class Mmf4(Family):
    """Morgan-Mercer-Flodin: a power law that begins at a finite error (best of LCDB's 16 far out, Mohr et al. 2022).

    e(n) = a + b / (1 + (u / s)^d), logistic in ln n.

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

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape: scale and slope."""
        slope = Axis(self.slowest, self.fastest, self.slopes, self.centre, self.spread)
        return Axis(self.smallest * first, self.largest, self.scales), slope

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return 1 / (1 + (u / s)^d).

        >>> Mmf4().form(np.array([1.0, 9.0]), np.array([[1.0, 0.5]]), 100).tolist()
        [[0.5, 0.25]]
        """
        return np.asarray(1 / (1 + np.exp(shape[:, 1:] * (np.log(u) - np.log(shape[:, :1])))))


@dataclass(frozen=True)
class M4(Family):
    """M4 of Alabdulmohsin, Neyshabur, Zhai (2022): from a power law (alpha = 0) to a logistic one (alpha = 1) and beyond.

    (e - a) / (e0 - e)^alpha = b u^-c, as e = a + (e0 - a) t with t / (1 - t)^alpha = (u / s)^-c.

    Attributes:
        smallest, largest: bounds of the scale s; the first in units of the smallest size, the second of the largest.
        scales: points of its grid.
        slowest, fastest: bounds of the exponent c.
        exponents: points of its grid.
        sharpest, bluntest: bounds of alpha; 1 is mmf4.
        bends: points of its grid.
        centre, spread: of the log-normal prior of c.
    """

    smallest: float = 0.03
    largest: float = 3.0
    scales: int = 14
    slowest: float = 0.15
    fastest: float = 2.5
    exponents: int = 12
    sharpest: float = 0.25
    bluntest: float = 4.0
    bends: int = 5
    centre: float = 0.55
    spread: float = 0.7

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape: scale, exponent and alpha."""
        exponent = Axis(self.slowest, self.fastest, self.exponents, self.centre, self.spread)
        bend = Axis(self.sharpest, self.bluntest, self.bends)
        return Axis(self.smallest * first, self.largest, self.scales), exponent, bend

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return t, by Newton.

        >>> M4().form(np.array([1.0, 9.0]), np.array([[1.0, 0.5, 1.0]]), 100).round(6).tolist()
        [[0.5, 0.25]]
        """
        wanted = -shape[:, 1:2] * (np.log(u) - np.log(shape[:, :1]))
        return solved(wanted, shape[:, 2:])


@dataclass(frozen=True)
class Exp3(Family):
    """The exponential: falls faster than curves of pictures do; here to be compared.

    e(n) = a + b exp(-t u).

    Attributes:
        slowest, fastest: bounds of the rate t.
        rates: points of its grid.
    """

    slowest: float = 0.05
    fastest: float = 20.0
    rates: int = 96

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape: the rate."""
        return (Axis(self.slowest, self.fastest, self.rates),)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return exp(-t u).

        >>> Exp3().form(np.array([0.0, 1.0]), np.array([[np.log(2)]]), 100).round(9).tolist()
        [[1.0, 0.5]]
        """
        return np.asarray(np.exp(-shape[:, :1] * u))


@dataclass(frozen=True)
class Wbl4(Family):
    """Weibull, the stretched exponential; LCDB's exp4 is the same curve (Mohr et al. 2022). Best within the data, not beyond.

    e(n) = a + b exp(-t u^d).

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

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape: rate and power."""
        return Axis(self.slowest, self.fastest, self.rates), Axis(self.flattest, self.steepest, self.powers)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return exp(-t u^d).

        >>> Wbl4().form(np.array([1.0, 4.0]), np.array([[np.log(2), 0.5]]), 100).round(9).tolist()
        [[0.5, 0.25]]
        """
        return np.asarray(np.exp(-shape[:, :1] * np.exp(shape[:, 1:] * np.log(np.maximum(u, 1e-300)))))


@dataclass(frozen=True)
class Ilog2(Family):
    """The inverse logarithm: two numbers, good with few points (LCDB's ilog2, Mohr et al. 2022).

    e(n) = a + b / ln n: the one family for which it matters what is counted, pictures or thousands of them.
    """

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape: none."""
        return ()

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return 1 / ln n, from n = 2 on.

        >>> Ilog2().form(np.array([1.0, 100.0]), np.empty((1, 0)), 100.0).round(6).tolist()
        [[0.217147, 0.108574]]
        """
        return np.tile(1 / np.log(np.maximum(u * last, 2.0)), (len(shape), 1))


@dataclass(frozen=True)
class Arctan(Family):
    """The arctangent (Mahmood et al. 2022; APEx-GP 2023): often wrong far out; here to be compared.

    e(n) = a + b (1 - 2/pi atan(pi/2 t u + o)); theirs has b = 1.

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

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape: rate and offset."""
        return Axis(self.slowest, self.fastest, self.rates), Axis(self.lowest, self.highest, self.offsets)

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return 1 - 2/pi atan(pi/2 t u + o), written so that it stays exact far out.

        >>> Arctan().form(np.array([0.0]), np.array([[1.0, 1.0]]), 100).round(9).tolist()
        [[0.5]]
        """
        return np.asarray(2 / np.pi * np.arctan2(1.0, np.pi / 2 * shape[:, :1] * u + shape[:, 1:]))


def solved(log_x: Values, alpha: Values) -> Values:
    """Solve ln t - alpha ln(1 - t) = log_x, which rises in t, for (S, m) t in (0, 1): Newton on the logit of t.

    >>> solved(np.array([[0.0]]), np.array([[1.0]])).round(9).tolist()
    [[0.5]]
    """
    logit = log_x / np.where(log_x > 0, alpha, 1.0)
    for _ in range(STEPS):
        t = 1 / (1 + np.exp(-logit))
        # in the logit z: ln t = -ln(1 + e^-z), ln(1 - t) = -ln(1 + e^z); the slope lies between 1 and alpha
        value = -np.logaddexp(0, -logit) + alpha * np.logaddexp(0, logit)
        logit = logit - (value - log_x) / ((1 - t) + alpha * t)
    return np.asarray(1 / (1 + np.exp(-logit)))

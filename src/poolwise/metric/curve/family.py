"""A family of learning curves: a falling form with one or two numbers of shape, and where these numbers may lie.

Every family is an error e(n) = a + b f(n; shape) with a >= 0, the asymptote, and b >= 0, the amplitude. Both are linear, so
that only the shape has to be searched, on a grid between bounds: such a fit cannot diverge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError

Values = NDArray[np.float64]
TINY = 1e-12


@dataclass(frozen=True)
class Axis:
    """One number of shape, on a log scale.

    Attributes:
        low, high: bounds, above 0.
        points: of the grid.
        centre: most likely value before the data are seen; None for no opinion.
        spread: standard deviation of its logarithm around the centre.
    """

    low: float
    high: float
    points: int
    centre: float | None = None
    spread: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high or self.points < 2 or self.spread <= 0:
            raise ConfigError(f"a shape needs 0 < low < high, 2 points or more and a spread above 0; got {self}.")

    @property
    def values(self) -> Values:
        """(points,) log-spaced."""
        return np.asarray(np.geomspace(self.low, self.high, self.points))

    def log_prior(self, values: Values) -> Values:
        """Return the log density, up to a constant.

        >>> Axis(0.1, 10, 3, centre=1.0, spread=1.0).log_prior(np.array([1.0, np.e])).tolist()
        [-0.0, -0.5]
        """
        if self.centre is None:
            return np.zeros_like(values)
        return np.asarray(-0.5 * (np.log(values / self.centre) / self.spread) ** 2)


class Family(Protocol):
    """A form of learning curve: a frozen dataclass whose fields are its yaml."""

    uses: ClassVar[int | None] = None
    """Number of the largest sizes it looks at; None for all."""
    asymptote: ClassVar[bool] = True
    """True where it may level off above 0."""
    level: ClassVar[float] = 0.0
    """Where f ends, as a share of where it begins: 0 for all that fall, 1 for one that stays."""

    def axes(self, first: float) -> tuple[Axis, ...]:
        """Return its numbers of shape; `first` is the smallest size over the largest."""

    def form(self, u: Values, shape: Values, last: float) -> Values:
        """Return (S, m) values of f, falling along m.

        Args:
            u: (m,) sizes over the largest one measured.
            shape: (S, number of axes).
            last: the largest size measured.
        """


@dataclass(frozen=True, eq=False)
class Grid:
    """All shapes of a family that are tried: (S, axes) and their log prior (S,), which sums to 1."""

    shapes: Values
    log_prior: Values


def grid(axes: tuple[Axis, ...]) -> Grid:
    """Return the product of the axes.

    >>> grid((Axis(1, 4, 3), Axis(1, 2, 2))).shapes.tolist()
    [[1.0, 1.0], [1.0, 2.0], [2.0, 1.0], [2.0, 2.0], [4.0, 1.0], [4.0, 2.0]]
    """
    if not axes:
        return Grid(np.empty((1, 0)), np.zeros(1))
    mesh = np.meshgrid(*(axis.values for axis in axes), indexing="ij")
    shapes = np.stack([m.ravel() for m in mesh], axis=1)
    prior = np.sum([axis.log_prior(shapes[:, at]) for at, axis in enumerate(axes)], axis=0)
    return Grid(shapes, prior - np.log(np.exp(prior).sum()))

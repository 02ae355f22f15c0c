"""The prior of a learning curve: what is held likely before the data are seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np

from poolwise.core.errors import ConfigError
from poolwise.metric.curve.family import Family
from poolwise.metric.curve.mmf4 import Mmf4
from poolwise.metric.curve.pow3 import Pow3


def both() -> dict[str, Any]:
    """The two families that hold far out."""
    return {"pow3": Pow3(), "mmf4": Mmf4()}


@dataclass(frozen=True)
class Prior:
    """Families, averaged by how well they explain the data, and how far each is to be trusted.

    Attributes:
        members: name -> family, equally likely beforehand.
        asymptotes: points of their grid, between 0 and the smallest error seen.
        lean: density of the asymptote a is a^-lean: the higher, the more low ones are believed in.
        misfits: errors of the families themselves at the largest size, relative to the error there; each is tried.
        unrepeated: scatter of one training relative to its error, where no size was repeated; each is tried.
        ageing: by how much more a point is misfitted for each e-fold of n that it lies below the largest size.
        together: misfits of two sizes go together as exp(-e-folds between them / together): more sizes in one span are less
            new than they seem.
        drift: relative error of an extrapolation for each e-fold of n beyond the largest size.
    """

    members: dict[str, Annotated[Any, Family]] = field(default_factory=both)
    asymptotes: int = 24
    lean: float = 0.65
    misfits: tuple[float, ...] = (0.01, 0.03, 0.06)
    unrepeated: tuple[float, ...] = (0.02, 0.06, 0.12, 0.2)
    ageing: float = 1.0
    together: float = 1.0
    drift: float = 0.07

    @property
    def usual(self) -> float:
        """Scatter that a training is thought to have where nothing tells: the geometric mean of those tried."""
        return float(np.exp(np.log(self.unrepeated).mean()))

    def __post_init__(self) -> None:
        if not self.members:
            raise ConfigError("members of an average of curves must be one family or more; got none.")
        if self.asymptotes < 1 or self.drift < 0 or self.ageing < 0:
            raise ConfigError("asymptotes must be at least 1, drift and ageing not below 0.")
        if not self.misfits or not self.unrepeated or min(*self.misfits, *self.unrepeated, self.together) <= 0:
            raise ConfigError(f"misfits and unrepeated (one or more each) and together must be above 0; got {self}.")

"""The class that binds: each class has a learning curve of its recall against its own count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from poolwise.core.errors import ConfigError
from poolwise.metric.curve.fit import CurveFit
from poolwise.metric.curve.required import Required


@dataclass(frozen=True)
class ClassNeed:
    """The need of one class.

    Attributes:
        name: of the class.
        required: numbers of its own labels, at probability .1, .5 and .9.
        factor: by how much all labels must grow for an even chance, if classes keep their proportions.
        reachable: probability that its target can be reached at all.
    """

    name: str
    required: Required
    factor: float
    reachable: float


def class_needs(fits: Mapping[str, CurveFit], target: float) -> tuple[ClassNeed, ...]:
    """Return what every class needs to reach one recall, the class that binds first.

    Args:
        fits: name -> fit of recalls against the class's own numbers of labels.
        target: recall that each class is to reach.

    Raises:
        ConfigError: no class.
        InvalidArray: a class with fewer than three sizes.
    """
    if not fits:
        raise ConfigError("class_needs wants the fit of one class or more; got none.")
    needs = []
    for name, fit in fits.items():
        required = fit.required(target)
        factor = max(1.0, required.p50 / fit.seen.last)
        needs.append(ClassNeed(str(name), required, float(factor), fit.reachable(target)))
    # among classes out of reach, the one that is least likely to get there
    return tuple(sorted(needs, key=lambda need: (-need.factor, -_finite(need.required.p10), need.reachable)))


def binding_class(needs: tuple[ClassNeed, ...]) -> str:
    """Name the class that binds, in one sentence."""
    worst = needs[0]
    if worst.factor == 1.0:
        return "Every class is as likely as not to reach the target with the labels it has."
    if not np.isfinite(worst.factor):
        return f"Class {worst.name} binds: it is not likely to reach the target with 64 times its labels."
    return f"Class {worst.name} binds: it needs {worst.factor:.3g} times its labels for an even chance."


def _finite(size: float) -> float:
    return min(size, 1e300)

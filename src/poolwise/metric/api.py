"""`poolwise.fit_learning_curve`: how many more labels, from scores at a few sizes.

>>> import poolwise
>>> sizes = [100, 200, 400, 800, 1600]
>>> fit = poolwise.fit_learning_curve(sizes, [[0.60, 0.62], [0.70, 0.71], [0.78, 0.78], [0.84, 0.835], [0.88, 0.882]])
>>> fit.warnings
()
>>> mean, low, high = fit.predict(3200)
>>> 0.88 < low < mean < high < 1
True
>>> low, middle, high = fit.required(0.90)
>>> 1600 < low < middle < high
True
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from poolwise.core.parts import build_named, part_names
from poolwise.metric.curve.family import Family
from poolwise.metric.curve.fit import CurveFit, fit_curve
from poolwise.metric.curve.measurements import measurements, scale_of
from poolwise.metric.curve.posterior import Prior


def fit_learning_curve(
    sizes: ArrayLike,
    scores: Sequence[Any] | ArrayLike,
    *,
    higher_is_better: bool = True,
    best: float = 1.0,
    chance: float | None = None,
    family: str = "auto",
    **options: Any,
) -> CurveFit:
    """Fit a learning curve to scores at several sizes of the training set, and say how far it can be trusted.

    Args:
        sizes: (K,) numbers of labels, in any order. Three are the fewest to extrapolate from; five over a tenfold span do.
        scores: a row of repeats for each size, of any lengths, NaN for a missing one; or (K,) for one repeat each.
        higher_is_better: False for an error or a loss.
        best: score of a perfect model; 100 for percent. Where lower is better, 1 (the default) is taken for 0.
        chance: score of guessing, to be warned of scores that are no better.
        family: form of the curve, a name of `conf/curve`; `auto` averages two of them.
        **options: keys of its yaml.

    Returns:
        A fit with `predict(n, level=0.8)`, `required(target)`, `reachable(target)`, `answer(target)`,
        `next_purchase(target)`, `gain(more)`, and `warnings`. One or two sizes give a fit that tells what was measured and
        raises InvalidArray when asked for anything beyond it.

    Raises:
        InvalidArray: sizes or scores that are no such numbers, or scores better than `best`.
        ConfigError: unknown family or option.
    """
    prior = build_prior(family, options) if options else _plain(family)
    measured = measurements(sizes, list(np.atleast_1d(scores)) if isinstance(scores, np.ndarray) else list(scores))  # type: ignore[arg-type]
    scale = scale_of(np.concatenate(measured.rows), higher=higher_is_better, best=best)
    return fit_curve(measured, scale, prior, chance)


def families() -> list[str]:
    """Return the names of the families, in alphabetical order."""
    return part_names("curve")


@lru_cache
def _plain(family: str) -> Prior:
    return build_prior(family, {})


def build_prior(family: str, options: Mapping[str, Any]) -> Prior:
    """Return the average of a name, or a single family with the prior of `auto` around it; see `build_named`."""
    part = build_named("curve", family, options, word="family of curves", kind=(Prior, Family))
    return part if isinstance(part, Prior) else Prior(members={family: part})

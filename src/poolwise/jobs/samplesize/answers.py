"""From measured points to what a person should do: the answer, the next purchase, the forecast, the naive answers. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poolwise.jobs.samplesize.measured import Point
from poolwise.jobs.samplesize.settings import SampleSizeConfig
from poolwise.metric.curve.advice import Purchase
from poolwise.metric.curve.families import Pow3
from poolwise.metric.curve.fit import CurveFit, fit_curve
from poolwise.metric.curve.least_squares import closest
from poolwise.metric.curve.measurements import measurements, scale_of
from poolwise.metric.curve.posterior import Prior
from poolwise.metric.curve.required import HORIZON, Required

LAST, POWER = "last point repeated", "power law, least squares"
DOUBLINGS = (2, 4, 8)
"""Forecasts are told at so many times the largest size."""
STEPS = 60
"""Points of a drawn curve."""
LEVEL = 0.8


@dataclass(frozen=True)
class Forecast:
    """What is expected with so many labels: the mean over trainings with its 80 % interval, and the naive answers beside it.

    Attributes:
        size: number of labels.
        mean, low, high: score.
        chance: that the target is reached.
        last, power: what repeating the last point and a plain power law say.
    """

    size: float
    mean: float
    low: float
    high: float
    chance: float
    last: float
    power: float


def fitted(points: Sequence[Point], metric: str, prior: Prior, settings: SampleSizeConfig) -> CurveFit:
    """Return the curve of one metric over all points.

    Raises:
        InvalidArray: scores better than `best`.
    """
    pairs = [(each.size, each.scores[metric]) for each in points]
    return _fit(pairs, prior, settings.higher_is_better, settings.best, settings.chance)


def _fit(
    pairs: Sequence[tuple[float, float]],
    prior: Prior,
    higher: bool = True,
    best: float = 1.0,
    chance: float | None = None,
) -> CurveFit:
    measured = measurements([size for size, _ in pairs], [[score] for _, score in pairs])
    return fit_curve(measured, scale_of(np.concatenate(measured.rows), higher=higher, best=best), prior, chance)


def by_class(points: Sequence[Point], prior: Prior) -> dict[str, CurveFit]:
    """Fit of each class's recall against its own number of labels, where there are three sizes of it."""
    fits = {}
    for name in dict.fromkeys(name for each in points for name in each.recalls):
        rows: dict[float, list[Point]] = {}
        for each in points:
            rows.setdefault(each.size, []).append(each)
        # repeats of a size may differ by one sample of the class: they are one size
        counts = {size: float(np.mean([each.counts[name] for each in mine])) for size, mine in rows.items()}
        pairs = [(counts[each.size], each.recalls[name]) for each in points if counts[each.size] > 0]
        if len({count for count, _ in pairs}) >= 3:
            fits[name] = _fit(pairs, prior)
    return fits


def sentences(fit: CurveFit, settings: SampleSizeConfig, metric: str) -> list[str]:
    """Return what a person should read first: how many labels, then what to buy next; or why nothing can be said."""
    if not fit.extrapolates:
        return _refusal(fit, settings, metric)
    reason = fit.next_purchase(settings.target, most=settings.most).reason
    nothing = reason.replace("None", "Nothing to buy", 1) if reason.startswith("None") else reason
    return [_capital(fit.answer(settings.target, metric=metric, unit=settings.unit)), nothing]


def _refusal(fit: CurveFit, settings: SampleSizeConfig, metric: str) -> list[str]:
    sizes = len(fit.sizes)
    what = "One size cannot" if sizes == 1 else "Two sizes cannot"
    mean, low, high = fit.predict(fit.seen.last, LEVEL)
    repeated = fit.seen.repeats[-1] > 1
    interval = f" (80 %: {shown(fit, low)} to {shown(fit, high)})" if repeated else ""
    measured = f"With {fit.seen.last:,.0f} {settings.unit} {metric} is {shown(fit, mean)}{interval}"
    if sizes == 2:
        measured += f", with {fit.sizes[0]:,.0f} it is {shown(fit, float(fit.scores[0]))}"
    return [
        f"{what} be extrapolated: how many {settings.unit} {shown(fit, settings.target)} needs is not told.",
        f"{measured}. Measure three sizes or more, five at best, over a tenfold span.",
    ]


def shown(fit: CurveFit, score: float) -> str:
    """Return a score as people read it: in percent, where it is a share."""
    return f"{100 * score:.1f} %" if fit.scale.worst == 1.0 else f"{score:.4g}"


def forecasts(fit: CurveFit, sizes: Sequence[float], target: float) -> list[Forecast]:
    """Return what is expected at rising sizes, with the naive answers."""
    n = np.asarray(sizes, dtype=np.float64)
    mean, low, high = fit.predict(n, LEVEL)
    chance = fit.chance(n, target)
    power = fit.scale.scores(closest(Pow3(), fit.seen).errors(n))
    last = float(fit.scores[-1])
    rows = zip(n, mean, low, high, chance, power, strict=True)
    return [Forecast(*(float(x) for x in (size, m, lo, hi, c, last, p))) for size, m, lo, hi, c, p in rows]


def table_sizes(fit: CurveFit, further: Sequence[float] = ()) -> list[float]:
    """Return the sizes of the table of forecasts: the largest measured, its doublings, and those asked for."""
    return sorted({factor * fit.seen.last for factor in (1, *DOUBLINGS)} | {float(size) for size in further})


def expected(fit: CurveFit, sizes: Sequence[float], metric: str, unit: str) -> str:
    """Return what to expect at sizes that were asked for, as a sentence; "" for none."""
    texts = []
    for size in sizes:
        mean, low, high = (shown(fit, score) for score in fit.predict(size, LEVEL))
        texts.append(f"{mean} with {size:,.0f} {unit} (80 %: {low} to {high})")
    return f"Expected {metric}: {', '.join(texts)}." if texts else ""


def figure_sizes(fit: CurveFit, required: Required, further: Sequence[float] = ()) -> list[float]:
    """Return sizes of the picture: to the target and the sizes asked for, at least to four times the largest."""
    finite = [*(size for size in required if math.isfinite(size)), *further]
    far = min(max(4 * fit.seen.last, 1.3 * max(finite, default=0.0)), HORIZON * fit.seen.last)
    return [float(size) for size in np.geomspace(fit.sizes[0], far, STEPS)]


def naive(fit: CurveFit, target: float) -> dict[str, float]:
    """Return the labels that the target needs by the last point alone, and by a plain power law; inf: never."""
    error, seen = fit.scale.error(target, "target"), fit.seen
    curve = closest(Pow3(), seen)
    ahead = error - curve.asymptote
    if curve.amplitude == 0 or ahead <= 0:
        by_power = seen.sizes[0] if curve.asymptote <= error else math.inf
    else:
        exponent = float(curve.shape[0])
        by_power = max(seen.sizes[0], seen.last * math.exp(min(math.log(curve.amplitude / ahead) / exponent, 600.0)))
    return {LAST: seen.last if seen.errors[-1] <= error else math.inf, POWER: float(by_power)}


def purchase_of(fit: CurveFit, settings: SampleSizeConfig) -> Purchase | None:
    """Return what to label next, where that can be told."""
    return fit.next_purchase(settings.target, most=settings.most) if fit.extrapolates else None


def required_of(fits: Mapping[str, CurveFit], target: float) -> dict[str, tuple[Required, float]]:
    """Return metric -> labels required, the chance that any number does; metrics the target lies beyond are left out."""
    return {name: (fit.required(target), fit.reachable(target)) for name, fit in fits.items() if fit.extrapolates}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

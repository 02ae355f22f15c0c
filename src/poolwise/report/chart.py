"""The learning curve of the page as plain coordinates; the template draws them in the page's own colours and fonts.

The page gets no ready picture, because a drawing in the page follows its light and dark colours, can be read by a
screen reader, and stays sharp. `figures.py` draws the same curve as a PNG for everything else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from poolwise.core.types import RunRecord
from poolwise.metric.label_efficiency import Comparison
from poolwise.report import words
from poolwise.report.findings import points

TEXT = 13
"""Height of the text in the drawing's own units, which are CSS pixels at full width."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and what it says."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """One run's curve. `marks` are (x, y, text to hover), `label_y` is the height of its direct label."""

    name: str
    role: str
    score: str
    path: str
    marks: tuple[tuple[float, float, str], ...]
    label_x: float
    label_y: float


@dataclass(frozen=True)
class Chart:
    """A drawing `width` by `height`; the plot lies between `left`, `right`, `top` and `bottom`.

    `level` is (y, x of the strategy, x of the control) where both reach the same score, or None.
    """

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    level: tuple[float, float, float] | None


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most about `most` round numbers, at steps of 1, 2 or 5 times a power of ten, from `low` to `high`.

    >>> ticks(20, 200, 5), ticks(0.81, 0.96, 4)
    ([50, 100, 150, 200], [0.85, 0.9, 0.95])
    """
    if high <= low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * factor for factor in (1, 2, 5) if power * factor >= rough), power * 10)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step)))
    return [round(number * step, digits) if digits else round(number * step) for number in range(first, last + 1)]


def names(runs: Sequence[RunRecord]) -> list[str]:
    """Short names for direct labels, all different."""
    labels = [words.shown(run.strategy, 18) for run in runs]
    return [f"{name} (control)" if at and name in labels[:at] else name for at, name in enumerate(labels)]


def span(values: Sequence[float], least: float = 1e-9) -> tuple[float, float]:
    """Lowest and highest with a little air; never without width.

    >>> span([1.0, 3.0])
    (0.9, 3.1)
    """
    low, high = min(values), max(values)
    air = max(0.05 * (high - low), least if high == low else 0)
    return low - air, high + air


def spread(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move label heights apart to at least `gap`, in their order, within `low` to `high` where there is room.

    >>> spread([50, 52], 20, 0, 100)
    [41.0, 61.0]
    """
    order = sorted(range(len(heights)), key=lambda at: heights[at])
    placed = [float(heights[at]) for at in order]
    for at in range(1, len(placed)):
        overlap = gap - (placed[at] - placed[at - 1])
        if overlap > 0:
            placed[at - 1] -= overlap / 2
            placed[at] += overlap / 2
    shift = max(0.0, low - placed[0]) - max(0.0, placed[-1] - high) if placed else 0.0
    back = dict(zip(order, placed, strict=True))
    return [back[at] + shift for at in range(len(heights))]


def chart(runs: Sequence[RunRecord], comparison: Comparison | None, width: int, height: int) -> Chart | None:
    """Lay the curves out; None if no run has a point."""
    curves = [_Curve(run, name, *points(run)) for run, name in zip(runs, names(runs), strict=True) if points(run)[0]]
    if not curves:
        return None
    metric = runs[0].metric
    widest = max(max(len(curve.name), 7) for curve in curves)
    left, right, top, bottom = 58.0, width - 18.0 - 0.6 * TEXT * widest, 14.0, height - 46.0
    x = _Scale(*span([float(count) for curve in curves for count in curve.counts], 1.0), left, right)
    y = _Scale(*span([value for curve in curves for value in curve.scores], 0.01), bottom, top)
    label_ys = spread([y(curve.scores[-1]) for curve in curves], 2.7 * TEXT, top + 6, bottom - 20)
    return Chart(
        width,
        height,
        left,
        right,
        top,
        bottom,
        tuple(_line(curve, x, y, label_y) for curve, label_y in zip(curves, label_ys, strict=True)),
        tuple(Tick(x(at), f"{at:,.0f}") for at in ticks(max(x.low, 0), x.high, width // 60) if at == int(at)),
        tuple(Tick(y(at), _y_text(at, metric)) for at in ticks(y.low, y.high, 5)),
        None if comparison is None else _level(comparison, x, y),
    )


@dataclass(frozen=True)
class _Curve:
    run: RunRecord
    name: str
    counts: Sequence[int]
    scores: Sequence[float]


@dataclass(frozen=True)
class _Scale:
    """Values from `low` to `high` onto `start` to `end` of the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return round(self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low), 1)


def _line(curve: _Curve, x: _Scale, y: _Scale, label_y: float) -> Line:
    metric = curve.run.metric
    marks = tuple(
        (x(count), y(value), f"{curve.name}: {words.score(value, metric)} with {count:,} labels")
        for count, value in zip(curve.counts, curve.scores, strict=True)
    )
    path = "M" + "L".join(f"{across} {down}" for across, down, _ in marks)
    last = words.score(curve.scores[-1], metric)
    return Line(curve.name, words.role(curve.run), last, path, marks, marks[-1][0] + 12, label_y)


def _level(comparison: Comparison, x: _Scale, y: _Scale) -> tuple[float, float, float] | None:
    if 0.95 <= comparison.ratio <= 1.05:
        return None
    return y(comparison.level), x(comparison.labels), x(comparison.control_labels)


def _y_text(value: float, metric: str) -> str:
    return f"{100 * value:.4g} %" if words.is_share(metric) else f"{value:.4g}"

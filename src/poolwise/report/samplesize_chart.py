"""A sample-size experiment as a picture: points, curve, interval, target, required labels, and the naive answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from poolwise.report import words
from poolwise.report.figures import FAINT, INK, _plain, _png

BLUE, ORANGE, GREEN, PURPLE = "#0067a8", "#c24e00", "#00795a", "#6b4aa0"
Row = Mapping[str, Any]


def samplesize_chart(
    points: Sequence[Row],
    curve: Sequence[Row],
    required: Row | None,
    target: float,
    metric: str,
    unit: str,
    share: bool,
    cleaned: Sequence[Row] = (),
    clean_points: Sequence[Row] = (),
) -> bytes:
    """PNG; numbers of labels on a logarithmic axis.

    Args:
        points: rows with `size` and the metric.
        curve: rows with `size`, `mean`, `low`, `high`, `last`, `power`; none where nothing is extrapolated.
        required: `p10`, `p50`, `p90` of the target; None likewise.
        target: score to reach.
        metric: column of `points` that is drawn.
        unit: what is labelled.
        share: whether scores are shares, drawn in percent.
        cleaned: rows with `size` and `clean`, the curve with cleaned labels.
        clean_points: as `points`, with cleaned labels.
    """
    from matplotlib.figure import Figure

    factor = 100 if share else 1
    figure = Figure(figsize=(8.2, 4.6), dpi=130, facecolor="white", layout="constrained")
    axes = figure.subplots()
    _plain(axes)
    axes.set_xscale("log")
    if curve:
        _curves(axes, curve, max(row["size"] for row in points), factor)
    _points(axes, points, metric, factor)
    _cleaned(axes, cleaned, clean_points, metric, factor)
    axes.axhline(factor * target, color=GREEN, linewidth=1.2, linestyle=(0, (6, 3)), label="target")
    if required is not None and curve:
        _required(axes, required, factor * target, curve[-1]["size"])
    _ticks(axes)
    axes.set_xlabel(f"labelled {unit}", color=FAINT)
    unit_text = ", %" if share else ""
    title = axes.set_title(
        f"{words.metric_name(metric)}{unit_text}, on the test set", loc="left", color=INK, fontsize=11
    )
    title.set_parse_math(False)
    axes.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK)
    return _png(figure)


def _curves(axes: Any, curve: Sequence[Row], last: float, factor: int) -> None:
    sizes = [row["size"] for row in curve]

    def column(name: str) -> list[float]:
        return [factor * row[name] for row in curve]

    axes.fill_between(sizes, column("low"), column("high"), color=BLUE, alpha=0.16, linewidth=0, label="80 % interval")
    axes.plot(sizes, column("mean"), color=BLUE, linewidth=2.2, label="average of curves")
    beyond = [row for row in curve if row["size"] >= last]
    ahead = [last, *(row["size"] for row in beyond)]
    axes.plot(ahead, [factor * curve[-1]["last"]] * len(ahead), color=FAINT, linestyle=":", linewidth=1.6,
              label="naive: last point repeated")  # fmt: skip
    axes.plot(
        sizes,
        column("power"),
        color=ORANGE,
        linestyle=(0, (4, 2)),
        linewidth=1.6,
        label="naive: power law, least squares",
    )
    axes.axvline(last, color="#b9bfc9", linewidth=0.8)


def _points(axes: Any, points: Sequence[Row], metric: str, factor: int) -> None:
    """Each training, and the mean of a size with the standard deviation of its repeats."""
    axes.plot([row["size"] for row in points], [factor * row[metric] for row in points], linestyle="", marker="o",
              markersize=4, color=BLUE, alpha=0.35, label="a training")  # fmt: skip
    for at, size in enumerate(sorted({row["size"] for row in points})):
        mine = [factor * row[metric] for row in points if row["size"] == size]
        mean = sum(mine) / len(mine)
        spread = math.sqrt(sum((x - mean) ** 2 for x in mine) / (len(mine) - 1)) if len(mine) > 1 else 0.0
        axes.errorbar([size], [mean], yerr=[spread], color=INK, marker="D", markersize=5, capsize=3, linewidth=1.2,
                      label="mean, standard deviation" if at == 0 else None)  # fmt: skip


def _cleaned(axes: Any, curve: Sequence[Row], points: Sequence[Row], metric: str, factor: int) -> None:
    """Draw the curve with cleaned labels, as far as it is measured and foretold."""
    sizes, scores = [row["size"] for row in points], [factor * row[metric] for row in points]
    if points:
        axes.plot(sizes, scores, linestyle="", marker="s", markersize=4, color=PURPLE, alpha=0.35)
    if curve:
        axes.plot([row["size"] for row in curve], [factor * row["clean"] for row in curve], color=PURPLE, linewidth=2.0,
                  label="with cleaned labels")  # fmt: skip


def _required(axes: Any, required: Row, level: float, far: float) -> None:
    """From the size with a chance of 10 % to that with 90 %, the even one marked; an arrow where it goes on."""
    low, middle, high = (required[name] for name in ("p10", "p50", "p90"))
    if not math.isfinite(low):
        return
    end = high if math.isfinite(high) else far
    axes.plot([low, end], [level, level], color=GREEN, linewidth=5, solid_capstyle="butt", alpha=0.55,
              label="labels required (10 to 90 % chance)")  # fmt: skip
    if not math.isfinite(high):
        axes.plot([end], [level], marker=">", markersize=9, color=GREEN, clip_on=False)
    if math.isfinite(middle):
        axes.plot([middle], [level], marker="D", markersize=7, color=GREEN)


def _ticks(axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())

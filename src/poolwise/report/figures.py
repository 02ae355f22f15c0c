"""PNG figures: the learning curve and confusion matrices.

Drawn on `Figure` objects, without pyplot and without changing any global setting of matplotlib. Blue and vermilion of
Okabe and Ito (2008, "Color Universal Design"), told apart by dash and marker as well. White paper: readable on a dark
page too.
"""

from __future__ import annotations

import io
import unicodedata
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from poolwise.core.types import RoundRecord, RunRecord
from poolwise.report import words
from poolwise.report.chart import names, spread
from poolwise.report.findings import findings, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

INK, FAINT, GRID = "#1c2330", "#5b6472", "#e3e6eb"
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0067a8", "marker": "o", "linestyle": "-", "linewidth": 2.2, "markersize": 5},
    {"color": "#c24e00", "marker": "s", "linestyle": (0, (4, 2)), "linewidth": 1.8, "markersize": 4.5},
    {"color": "#00795a", "marker": "^", "linestyle": ":", "linewidth": 1.8, "markersize": 5},
)
NUMBERED = 16
"""Up to so many classes, the cells of a confusion matrix carry their counts."""


def learning_curve(runs: Sequence[RunRecord]) -> bytes:
    """PNG: the headline metric against the number of labels, a curve a run; a line of text if there is nothing yet."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    drawn = [(run, name) for run, name in zip(runs, names(runs), strict=True) if points(run)[0]]
    beside = 0.35 + _inches([name for _, name in drawn], 11)
    figure = Figure(figsize=(7.2, 4.2), dpi=150, facecolor="white")
    axes = figure.add_axes((0.09, 0.14, 0.91 - beside / 7.2, 0.76))
    if not drawn:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "No measured round yet", ha="center", va="center", color=FAINT, fontsize=13)
        return _png(figure)
    metric, share = runs[0].metric, words.is_share(runs[0].metric)
    factor = 100 if share else 1
    for at, (run, _) in enumerate(drawn):
        counts, scores = points(run)
        axes.plot(counts, [factor * score for score in scores], **STYLES[at % len(STYLES)])
    _plain(axes)
    axes.set_xlabel("labels", color=FAINT)
    unit = ", %" if share else ""
    text = axes.set_title(f"{words.metric_name(metric)}{unit}, on the held-out set", loc="left", color=INK, fontsize=11)
    text.set_parse_math(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _level(axes, runs, factor)
    _direct_labels(axes, drawn, factor)
    return _png(figure)


def _plain(axes: Axes) -> None:
    axes.grid(True, axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, length=0, labelsize=9.5)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#b9bfc9")
    axes.margins(x=0.03, y=0.08)


def _level(axes: Axes, runs: Sequence[RunRecord], factor: int) -> None:
    """Draw a dotted line between the two numbers of labels that gave the same score."""
    comparison = findings(runs).comparison
    if comparison is not None and not 0.95 <= comparison.ratio <= 1.05:
        ends, (low, high) = [comparison.labels, comparison.control_labels], axes.get_ylim()
        axes.plot(ends, [factor * comparison.level] * 2, color=FAINT, linestyle=":", linewidth=1.4, zorder=1)
        axes.vlines(ends, low, factor * comparison.level, color=FAINT, linestyle=":", linewidth=1, zorder=1)
        axes.set_ylim(low, high)


def _direct_labels(axes: Axes, drawn: Sequence[tuple[RunRecord, str]], factor: int) -> None:
    """Names at the ends of the curves instead of a legend, moved apart where they would overlap."""
    ends = [(points(run)[0][-1], points(run)[1][-1]) for run, _ in drawn]
    low, high = axes.get_ylim()
    heights = spread([factor * value for _, value in ends], 0.11 * (high - low), low, high)
    for at, ((run, name), (_, value), height) in enumerate(zip(drawn, ends, heights, strict=True)):
        text = axes.annotate(
            f"{name}\n{words.score(value, run.metric)}",
            xy=(max(count for count, _ in ends), height),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            color=STYLES[at % len(STYLES)]["color"],
            fontsize=10,
            fontweight="bold",
            annotation_clip=False,
        )
        text.set_parse_math(False)  # a name may hold a dollar sign


def confusion_matrix(record: RoundRecord, classes: Sequence[str]) -> bytes:
    """PNG: true classes down, predicted ones across, shaded by the share of the true class.

    Args:
        record: a round with a confusion matrix.
        classes: (C,) names in the order of its rows; 2 to 100 stay readable.
    """
    from matplotlib.figure import Figure

    counts = np.asarray(record.confusion, dtype=np.int64)
    names, many = [words.shown(name, 22) for name in classes], len(classes)
    size = 9.5 if many <= NUMBERED else max(4.5, 9.5 - 0.06 * many)
    margin = 0.45 + _inches(names, size)
    side = min(11.0, 1.2 + 0.32 * many)
    # Margins are set by hand: matplotlib's own layout draws everything twice, and this is drawn once a round.
    width, height = margin + side + 1.0, margin + side + 0.45
    figure = Figure(figsize=(width, height), dpi=110, facecolor="white")
    axes = figure.add_axes((margin / width, margin / height, side / width, side / height))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    _class_axes(axes, names, size)
    if many <= NUMBERED:
        _numbers(axes, counts, shares)
    axes.set_title(f"round {record.round}, {record.labelled:,} labels", loc="left", color=INK, fontsize=11)
    _shade_bar(figure, picture, (margin + side + 0.15) / width, margin / height, 0.12 / width, side / height)
    return _png(figure)


def _shade_bar(figure: Figure, picture: AxesImage, *place: float) -> None:
    bar = figure.colorbar(picture, cax=figure.add_axes(place), ticks=[0, 0.5, 1], format="{x:.0%}")  # type: ignore[arg-type]
    bar.set_label("share of the true class", color=FAINT, fontsize=8, labelpad=-2)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=FAINT, length=0, labelsize=8)


def _inches(texts: Sequence[str], size: float) -> float:
    """Room for the longest text in `size` points: capitals and East Asian letters are about 1 wide, others 0.63."""
    wide = [[mark.isupper() or unicodedata.east_asian_width(mark) in "WF" for mark in text] for text in texts]
    return max((0.63 * len(marks) + 0.37 * sum(marks) for marks in wide), default=0) * size / 72


def _class_axes(axes: Axes, classes: Sequence[str], size: float) -> None:
    places = range(len(classes))
    turned = len(classes) > 12 or max(map(len, classes), default=0) > 4
    axes.set_xticks(places, classes, rotation=90 if turned else 0, fontsize=size)
    axes.set_yticks(places, classes, fontsize=size)
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_parse_math(False)
    axes.set_xlabel("predicted", color=FAINT)
    axes.set_ylabel("true", color=FAINT)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)


def _numbers(axes: Axes, counts: np.ndarray[Any, Any], shares: np.ndarray[Any, Any]) -> None:
    for row, column in np.argwhere(counts > 0):
        ink = "white" if shares[row, column] > 0.55 else INK
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=ink, fontsize=9)


def round_figures(run: RunRecord) -> Callable[[RoundRecord], Mapping[str, bytes]]:
    """Return what a tracker is given to draw a round: file name -> PNG bytes."""
    classes = tuple(str(name) for name in run.data.get("classes", ()))

    def draw(record: RoundRecord) -> Mapping[str, bytes]:
        fits = record.confusion is not None and len(record.confusion) == len(classes) > 0
        return {"confusion_matrix.png": confusion_matrix(record, classes)} if fits else {}

    return draw


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # class names in a script that the font lacks are drawn as boxes; that is no reason to stop a run
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()

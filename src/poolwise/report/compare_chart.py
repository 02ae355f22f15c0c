"""The arms of a comparison as a picture: each arm's difference to raw with its interval, and every seed, by test set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from poolwise.report import words
from poolwise.report.figures import FAINT, INK, _plain, _png

COLOURS = {
    "pruned": "#0067a8", "relabelled": "#00795a", "reviewed": "#6b4fa0", "random_pruned": "#c24e00", "truth": "#5b6472",
}  # fmt: skip
Row = Mapping[str, Any]


def arms_chart(summary: Sequence[Row], results: Sequence[Row], metric: str) -> bytes:
    """PNG; a panel a test set, a line an arm."""
    from matplotlib.figure import Figure

    rows = [row for row in summary if row["metric"] == metric and row["against"] == "raw"]
    tests = list(dict.fromkeys(row["test_set"] for row in rows))
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    figure = Figure(
        figsize=(1.6 + 3.9 * max(1, len(tests)), 1.5 + 0.46 * max(1, len(arms))),
        dpi=130,
        facecolor="white",
        layout="constrained",
    )
    panels = figure.subplots(1, max(1, len(tests)), sharey=True, sharex=True, squeeze=False)[0]
    for axes, test in zip(panels, tests, strict=False):
        seeds = _seeds(results, test, metric)
        base = next(
            row["mean"] for row in summary if (row["test_set"], row["metric"], row["arm"]) == (test, metric, "raw")
        )
        for at, arm in enumerate(arms):
            mine = next(row for row in rows if (row["test_set"], row["arm"]) == (test, arm))
            _line(axes, at, mine, seeds.get(arm, []))
        _plain(axes)
        axes.grid(True, axis="x", color="#e3e6eb", linewidth=0.8)
        axes.grid(False, axis="y")
        axes.axvline(0, color=INK, linewidth=1)
        title = axes.set_title(
            f"{test} test set (raw: {words.score(base, metric)})", loc="left", color=INK, fontsize=10.5
        )
        title.set_parse_math(False)
    panels[0].set_yticks(range(len(arms)), [arm.replace("_", " ") for arm in arms], color=INK)
    panels[0].set_ylim(len(arms) - 0.5, -0.5)
    figure.supxlabel(
        f"{words.metric_name(metric)}, points above raw: mean with 95 % interval, and each seed",
        color=FAINT,
        fontsize=9.5,
    )
    return _png(figure)


def _line(axes: Any, at: int, row: Row, seeds: Sequence[float]) -> None:
    colour = COLOURS.get(row["arm"], INK)
    if math.isfinite(row["low"]):
        axes.plot([100 * row["low"], 100 * row["high"]], [at, at], color=colour, linewidth=2.4, solid_capstyle="butt")
    axes.plot(
        [100 * gap for gap in seeds],
        [at + 0.2] * len(seeds),
        linestyle="",
        marker="|",
        markersize=6,
        color=colour,
        alpha=0.6,
    )
    axes.plot([100 * row["difference"]], [at], marker="o", markersize=7, color=colour)


def _seeds(results: Sequence[Row], test: str, metric: str) -> dict[str, list[float]]:
    """Arm -> differences to raw, a seed each."""
    mine = [row for row in results if row["test_set"] == test]
    base = {row["seed"]: row[metric] for row in mine if row["arm"] == "raw"}
    differences: dict[str, list[float]] = {}
    for row in mine:
        if row["seed"] in base:
            differences.setdefault(row["arm"], []).append(row[metric] - base[row["seed"]])
    return differences

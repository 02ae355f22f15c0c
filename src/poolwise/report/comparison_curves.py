"""The curves of a benchmark as a picture: mean over seeds with the range of the seeds, a line a strategy."""

from __future__ import annotations

from typing import Any, Protocol

from poolwise.metric.standings import Setting
from poolwise.report import words
from poolwise.report.figures import FAINT, INK, _plain, _png

COLOURS = ("#0067a8", "#c24e00", "#00795a", "#a8457d", "#b58900", "#2aa1c9", "#6b4fa0", "#7a5230")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)))
GREY = {"color": "#5b6472", "marker": None, "linestyle": (0, (4, 2)), "linewidth": 2.0}
BLACK = {"color": "#1c2330", "marker": None, "linestyle": (0, (1, 1.5)), "linewidth": 1.6}

BANDS = 6
"""Most strategies whose range of seeds is shaded: more would hide one another."""


class Drawn(Protocol):
    """What is drawn of a data set in a regime."""

    @property
    def title(self) -> str:
        """Data set and regime."""

    @property
    def metric(self) -> str:
        """The headline metric."""

    @property
    def setting(self) -> Setting:
        """The curves."""


def comparison_curves(section: Drawn, reference: str, bound: str) -> bytes:
    """PNG of one data set in one regime; the legend has the highest curve first."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    setting, factor = section.setting, 100 if words.is_share(section.metric) else 1
    order = sorted(setting.means, key=lambda name: -float(setting.means[name].mean()) if len(setting.counts) else 0.0)
    styles = _styles([name for name in setting.means if name not in (reference, bound)])
    styles |= {reference: GREY, bound: BLACK}
    figure = Figure(figsize=(8.6, max(4.4, 1.2 + 0.24 * len(order))), dpi=130, facecolor="white", layout="constrained")
    axes = figure.subplots()
    for name in order:
        label = f"{words.shown(name, 28)}, not achievable" if name == bound else words.shown(name, 28)
        axes.plot(setting.counts, factor * setting.means[name], markersize=4, label=label, **styles[name])
        if len(order) > BANDS:
            continue
        low, high = factor * setting.lows[name], factor * setting.highs[name]
        axes.fill_between(setting.counts, low, high, color=styles[name]["color"], alpha=0.08, linewidth=0)
    _plain(axes)
    axes.set_xlabel("labels", color=FAINT)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    what = "mean and range of seeds" if len(order) <= BANDS else "mean over seeds"
    unit = ", %" if factor == 100 else ""
    metric = words.metric_name(section.metric)
    title = axes.set_title(f"{section.title}: {metric}{unit}; {what}", loc="left", color=INK, fontsize=11)
    title.set_parse_math(False)
    legend = figure.legend(loc="outside right upper", frameon=False, fontsize=9.5, labelcolor=INK)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return _png(figure)


def _styles(names: list[str]) -> dict[str, dict[str, Any]]:
    """Colours that colour-blind people tell apart, then other dashes and markers."""
    return {
        name: {
            "color": COLOURS[at % len(COLOURS)],
            "marker": MARKERS[(at + at // len(COLOURS)) % len(MARKERS)],
            "linestyle": DASHES[(at // len(COLOURS)) % len(DASHES)],
            "linewidth": 1.7,
        }
        for at, name in enumerate(names)
    }

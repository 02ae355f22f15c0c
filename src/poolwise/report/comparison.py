"""The page of a benchmark: `report.html` and a picture of the curves for each data set and regime in `curves/`."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.files import write_bytes
from poolwise.metric.comparison import Paired
from poolwise.metric.standings import Setting, Standing, regime_ranks, summed_penalties
from poolwise.report import settings as run_settings
from poolwise.report import words
from poolwise.report.comparison_curves import comparison_curves
from poolwise.report.rendering import rendered

BOUND_NAME = "upper bound (not achievable)"
VERDICTS = {"above": "above", "below": "below", "even": "even"}


@dataclass(frozen=True, eq=False)
class Section:
    """One data set in one regime.

    Attributes:
        dataset: its name.
        regime: its name.
        sizes: the regime in words.
        metric: the headline metric.
        setting: the comparison.
        pool: strategy -> mean pool accuracy, NaN unknown.
        seconds: strategy -> mean seconds that a run spent choosing.
    """

    dataset: str
    regime: str
    sizes: str
    metric: str
    setting: Setting
    pool: Mapping[str, float]
    seconds: Mapping[str, float]

    @property
    def title(self) -> str:
        """Data set and regime."""
        return f"{self.dataset}, {self.regime}"

    @property
    def picture(self) -> str:
        """Name of the picture of its curves; names of data sets and regimes hold no dash."""
        return f"{self.dataset}-{self.regime}.png"


@dataclass(frozen=True, eq=False)
class ComparisonPage:
    """All that the page of a benchmark tells.

    Attributes:
        name: of the benchmark.
        reference: the strategy that the others are compared with.
        sections: data sets in regimes.
        failures: (cell, error) of cells that failed.
        finished: cells that did not.
        planned: cells asked for.
        command: what repeats it.
        config: its settings.
        versions: package -> version.
        bound: name of the upper bound among the strategies.
    """

    name: str
    reference: str
    sections: tuple[Section, ...]
    failures: tuple[tuple[str, str], ...]
    finished: int
    planned: int
    command: str
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    bound: str = ""


def write_comparison(page: ComparisonPage, folder: Path) -> Path:
    """Write the page and its pictures, each whole or not at all; the path of `report.html`."""
    pictures = {section.picture: comparison_curves(section, page.reference, page.bound) for section in page.sections}
    for name, png in pictures.items():
        write_bytes(folder / "curves" / name, png)
    write_bytes(folder / "report.html", render(page, pictures).encode("utf-8", "backslashreplace"))
    return folder / "report.html"


def render(page: ComparisonPage, pictures: Mapping[str, bytes]) -> str:
    """Return the page as text; see `page.py` for what makes it safe."""
    return rendered("comparison.html.j2", **content(page, pictures))


def content(page: ComparisonPage, pictures: Mapping[str, bytes]) -> dict[str, Any]:
    """Everything that the template prints."""
    headline, lead = findings(page)
    return {
        "page": page,
        "headline": headline,
        "lead": lead,
        "overview": _overview(page),
        "regimes": list(dict.fromkeys(section.regime for section in page.sections)),
        "sections": [_section(page, section, pictures[section.picture]) for section in page.sections],
        "penalties": _penalties(page),
        "failures": [(words.shown(name), words.shown(error, 600)) for name, error in page.failures],
        "yaml": run_settings.as_yaml(page.config),
        "command": run_settings.command(page.command),
    }


def findings(page: ComparisonPage) -> tuple[str, str]:
    """Return the answer in a sentence, and how the best ranked stood against the reference."""
    ranks = regime_ranks([section.setting for section in page.sections])
    if len(ranks) < 2:
        return f"{words.counted(page.finished, 'cell')} finished, nothing to compare yet.", ""
    best = min(ranks, key=lambda name: ranks[name])
    headline = f"{words.shown(best, 40)} ranks first of {len(ranks)} strategies, at {ranks[best]:.1f} on average"
    if best == page.reference:
        return f"{headline}: nothing was better than {best} on the whole.", ""
    counts = _verdicts(page, best)
    lead = (
        f"Over the whole curve it was above {words.shown(page.reference, 40)} beyond chance in {counts['above']} of "
        f"{words.counted(len(page.sections), 'comparison')}, and below it in {counts['below']}."
    )
    return f"{headline}.", lead


def _verdicts(page: ComparisonPage, strategy: str) -> dict[str, int]:
    rows = [row for section in page.sections for row in section.setting.standings if row.strategy == strategy]
    return {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS}


def _overview(page: ComparisonPage) -> list[dict[str, Any]]:
    """Return a row a strategy, the best first: its mean rank in all and in each regime, and how it stood."""
    by_regime: dict[str, list[Setting]] = {}
    for section in page.sections:
        by_regime.setdefault(section.regime, []).append(section.setting)
    ranks = {regime: regime_ranks(settings) for regime, settings in by_regime.items()}
    overall = regime_ranks([section.setting for section in page.sections])
    rows = []
    for name in sorted(overall, key=lambda name: overall[name]):
        counts = _verdicts(page, name)
        rows.append({
            "name": words.shown(name, 40),
            "reference": name == page.reference,
            "rank": f"{overall[name]:.2f}",
            "ranks": [f"{each[name]:.2f}" if name in each else "–" for each in ranks.values()],
            **counts,
        })  # fmt: skip
    return rows


def _section(page: ComparisonPage, section: Section, png: bytes) -> dict[str, Any]:
    setting = section.setting
    ordered = sorted(setting.standings, key=lambda row: -row.area if math.isfinite(row.area) else math.inf)
    rows = [_row(section, row, row.strategy) for row in ordered]
    if setting.bound:
        rows.insert(0, _row(section, setting.bound, BOUND_NAME))
    seeds = len(setting.shared)
    return {
        "title": section.title,
        "id": f"s-{section.dataset}-{section.regime}",
        "sizes": section.sizes,
        "metric": words.metric_name(section.metric),
        "share": words.is_share(section.metric),
        "seeds": words.counted(seeds, "seed"),
        "picture": base64.b64encode(png).decode(),
        "rows": rows,
        "few": seeds < 5,
    }


def _row(section: Section, row: Standing, name: str) -> dict[str, Any]:
    metric = section.metric
    return {
        "name": words.shown(name, 40),
        "bound": name == BOUND_NAME,
        "area": words.score(row.area, metric),
        "final": words.score(row.final, metric),
        "rank": _number(row.rank, ".2f"),
        "against": _interval(row.against, metric) if row.against.pairs else "",
        "p": _p(row.p),
        "verdict": row.verdict,
        "labels": _labels(row.labels),
        "ratio": "–" if not math.isfinite(row.ratio) or row.ratio == 0 else f"{row.ratio:.2f}×",
        "pool": words.score(section.pool.get(row.strategy), "accuracy"),
        "seconds": words.seconds(section.seconds.get(row.strategy, 0.0)),
    }


def _interval(gap: Paired, metric: str) -> str:
    mean = words.difference(gap.mean, metric).removesuffix(" points")
    low, high = (words.difference(end, metric).removesuffix(" points") for end in (gap.low, gap.high))
    return mean if gap.pairs < 2 else f"{mean} ({low} to {high})"


def _p(value: float) -> str:
    return "" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _labels(value: float) -> str:
    return "–" if math.isnan(value) else "never" if math.isinf(value) else f"{value:,.0f}"


def _number(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "–"


def _penalties(page: ComparisonPage) -> dict[str, Any] | None:
    """Return the matrix over all comparisons: rows beat columns; the last row is how often a strategy was beaten."""
    names, matrix = summed_penalties([section.setting for section in page.sections])
    if len(names) < 2:
        return None
    most = max(1e-9, float(matrix.max()))

    def shade(value: float) -> int:
        return min(9, math.ceil(9 * value / most)) if value else 0

    rows = [
        (words.shown(name, 24), [(f"{value:.2f}" if value else "", shade(float(value))) for value in matrix[at]])
        for at, name in enumerate(names)
    ]
    shown = [words.shown(name, 24) for name in names]
    beaten = [f"{value:.2f}" for value in matrix.sum(axis=0) / max(1, len(names) - 1)]
    return {"names": shown, "rows": rows, "beaten": beaten, "settings": words.counted(len(page.sections), "comparison")}

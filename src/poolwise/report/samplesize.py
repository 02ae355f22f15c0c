"""The page of a sample-size experiment: `report.html` and its picture `curve.png`."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.files import write_bytes
from poolwise.core.types import RunRecord
from poolwise.metric.curve.answer import percent
from poolwise.report import settings, words
from poolwise.report.rendering import rendered
from poolwise.report.samplesize_chart import samplesize_chart

Row = Mapping[str, Any]
CLASSES = 40
"""Rows of the table of classes."""


@dataclass(frozen=True, eq=False)
class SampleSizePage:
    """All that the page tells.

    Attributes:
        run: the experiment.
        messages: the answer, what to buy next, which class binds.
        target: score to reach.
        unit: what is labelled.
        share: whether scores are shares, shown in percent.
        warnings: what is doubtful about the curve.
        caveats: what to know of the experiment.
        tables: name -> rows: points, required, forecast, curve, classes; those without rows are not there.
    """

    run: RunRecord
    messages: tuple[str, ...]
    target: float
    unit: str
    share: bool
    warnings: tuple[str, ...]
    caveats: tuple[str, ...]
    tables: Mapping[str, Sequence[Row]]


def write_samplesize_page(page: SampleSizePage, versions: Mapping[str, str]) -> list[Path]:
    """Write the page and its picture, each whole or not at all; their paths."""
    needs, curve = page.tables.get("required", ()), page.tables.get("curve", ())
    needed = needs[0] if needs else None
    points = page.tables["points"]
    clean = (page.tables.get("cleaned", ()), [row for row in points if row.get("labels") == "cleaned"])
    points = [row for row in points if row.get("labels") != "cleaned"]
    png = samplesize_chart(points, curve, needed, page.target, page.run.metric, page.unit, page.share, *clean)
    files = [page.run.folder / "curve.png", page.run.folder / "report.html"]
    write_bytes(files[0], png)
    text = rendered("samplesize.html.j2", **content(page, png, versions))
    write_bytes(files[1], text.encode("utf-8", "backslashreplace"))
    return files


def content(page: SampleSizePage, png: bytes, versions: Mapping[str, str]) -> dict[str, Any]:
    """Everything that the template prints."""
    run, share = page.run, page.share
    rows = page.tables.get
    return {
        "run": run,
        "headline": page.messages[0],
        "lead": page.messages[1:],
        "facts": _facts(page),
        "picture": base64.b64encode(png).decode(),
        "metric": words.metric_name(run.metric),
        "target": _score(page.target, share),
        "unit": words.shown(page.unit, 30),
        "warnings": page.warnings,
        "caveats": page.caveats,
        "forecast": [
            [f"{row['size']:,.0f}", *(_score(row[key], share) for key in ("mean", "low", "high")), _chance(row["chance"]),
             *(_score(row[key], share) for key in ("last", "power"))]
            for row in rows("forecast", ())
        ],
        "required": [
            [words.metric_name(row["metric"]), row["method"], *(_size(row[key]) for key in ("p10", "p50", "p90")),
             _chance(row["reachable"])]
            for row in rows("required", ())
        ],
        "points": _points(page),
        "classes": [_class(row) for row in rows("classes", ())[:CLASSES]],
        "cleaned": [_cleaned(row, share) for row in rows("cleaned", ())],
        "more_classes": max(0, len(rows("classes", ())) - CLASSES),
        "yaml": settings.as_yaml(run.config),
        "command": settings.command(run.command),
        "versions": dict(versions),
    }  # fmt: skip


def _facts(page: SampleSizePage) -> list[tuple[str, str]]:
    run, points = page.run, page.tables["points"]
    facts = [
        ("Data", words.shown(str(run.data["name"]), 60)),
        ("Trainings", f"{len(points):,}"),
        ("Sizes", ", ".join(f"{size:,.0f}" for size in sorted({row["size"] for row in points})[:8])),
        ("Target", f"{_score(page.target, page.share)} {words.metric_name(run.metric)}"),
    ]
    if "given" in run.data:
        facts += [("Labels to draw from", f"{run.data['given']:,}"), ("Test labels", f"{run.data['tested']:,}")]
    return facts


def _points(page: SampleSizePage) -> dict[str, Any]:
    """Return a row a size: how many trainings, and mean and standard deviation of each metric."""
    points = page.tables["points"]
    metrics = [name for name in points[0] if name not in ("labels", "size", "repeat")]
    table = []
    kinds = dict.fromkeys((row["size"], row.get("labels", "")) for row in points)  # raw ones come first
    for size, labels in sorted(kinds, key=lambda kind: kind[0]):
        mine = [row for row in points if (row["size"], row.get("labels", "")) == (size, labels)]
        cells = [_spread([row[name] for row in mine], page.share) for name in metrics]
        table.append([f"{size:,.0f} {labels}".strip(), str(len(mine)), *cells])
    return {
        "heads": [page.unit.capitalize(), "Trainings", *(words.metric_name(name) for name in metrics)],
        "rows": table,
    }


def _class(row: Row) -> list[str]:
    """Return a class, starred where its curve is doubtful."""
    name = words.shown(row["class"], 40) + (" *" if row["doubts"] else "")
    sizes = [_size(row[key]) for key in ("p10", "p50", "p90")]
    now = (f"{row['labels']:,.1f}", _score(row["recall"], True))
    return [name, *now, *sizes, _size(row["factor"], ".3g"), _chance(row["reachable"])]


def _cleaned(row: Row, share: bool) -> list[str]:
    """Return a size: both curves, their difference, and what a label is worth."""
    factor = 100 if share else 1
    gaps = [f"{factor * row[name]:+.1f}" if share else f"{row[name]:+.4g}" for name in ("difference", "low", "high")]
    both = (_score(row[name], share) for name in ("raw", "clean"))
    return [f"{row['size']:,.0f}", *both, *gaps, _chance(row["chance"]), _size(row["worth"], ".2g")]


def _spread(values: Sequence[float], share: bool) -> str:
    mean = sum(values) / len(values)
    if len(values) < 2:
        return _score(mean, share)
    spread = math.sqrt(sum((x - mean) ** 2 for x in values) / (len(values) - 1))
    return f"{_score(mean, share)} ± {100 * spread:.1f}" if share else f"{mean:.4g} ± {spread:.2g}"


def _score(value: float, share: bool) -> str:
    return "–" if not math.isfinite(value) else f"{100 * value:.1f} %" if share else f"{value:.4g}"


def _size(value: float, form: str = ",.0f") -> str:
    return "" if math.isnan(value) else "not within reach" if math.isinf(value) else format(value, form)


def _chance(value: float) -> str:
    return "" if math.isnan(value) else percent(value)

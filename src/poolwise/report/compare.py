"""The page of a comparison of cleaned with raw labels: `report.html` and its picture `arms.png`."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.files import write_bytes
from poolwise.core.types import RunRecord
from poolwise.report import settings, words
from poolwise.report.compare_chart import arms_chart
from poolwise.report.rendering import rendered

Row = Mapping[str, Any]
TESTS = {
    "raw": "the labels of the test set as they are",
    "corrected": "labels from a separate source",
    "cleaned": "the test set cleaned by the same rule",
}
CLASSES = 40
"""Rows of the table of classes."""
CLAIM = "SeeDoo's post on cleaning by components reports 8 % more F1, from one training and no test set of its own."


@dataclass(frozen=True, eq=False)
class ComparePage:
    """All that the page tells.

    Attributes:
        run: the comparison.
        messages: the answer, then how the other arms stood.
        judged_by: test set that the answer goes by.
        summary, removed, results: rows of the tables of these names.
        caveats: what to know before believing it.
        experiments: rows of SeeDoo's four, if they were asked for.
        planted: share of labels changed on purpose.
    """

    run: RunRecord
    messages: tuple[str, ...]
    judged_by: str
    summary: Sequence[Row]
    removed: Sequence[Row]
    results: Sequence[Row]
    caveats: tuple[str, ...]
    experiments: tuple[Row, ...] = ()
    planted: float = 0.0


def write_compare_page(page: ComparePage, versions: Mapping[str, str]) -> list[Path]:
    """Write the page and its picture, each whole or not at all; their paths."""
    png = arms_chart(page.summary, page.results, page.run.metric)
    files = [page.run.folder / "arms.png", page.run.folder / "report.html"]
    write_bytes(files[0], png)
    text = rendered("compare.html.j2", **content(page, png, versions))
    write_bytes(files[1], text.encode("utf-8", "backslashreplace"))
    return files


def content(page: ComparePage, png: bytes, versions: Mapping[str, str]) -> dict[str, Any]:
    """Everything that the template prints."""
    run = page.run
    return {
        "run": run,
        "headline": page.messages[0] if page.messages else "Nothing was compared.",
        "lead": page.messages[1:],
        "facts": _facts(page),
        "picture": base64.b64encode(png).decode(),
        "metric": words.metric_name(run.metric),
        "by_accuracy": run.metric == "accuracy",
        "seeds": len({row["seed"] for row in page.results}),
        "tests": [_test(page, name) for name in dict.fromkeys(row["test_set"] for row in page.summary)],
        "experiments": [
            [
                row["experiment"], *(words.shown(row[key], 20) for key in ("trained_on", "validated_on")),
                words.score(row["mean"], run.metric), _interval(row, run.metric) if row["experiment"] != "A" else "",
            ]
            for row in page.experiments
        ],
        "claim": CLAIM,
        "detection": _detection(run),
        "sizes": _sizes(page),
        "removed": [
            [words.shown(row["class"], 40), *(f"{row[key]:,.1f}" for key in ("given", "removed", "relabelled")), _share(row)]
            for row in page.removed[:CLASSES]
        ],
        "more_classes": max(0, len(page.removed) - CLASSES),
        "caveats": page.caveats,
        "yaml": settings.as_yaml(run.config),
        "command": settings.command(run.command),
        "versions": dict(versions),
    }  # fmt: skip


def _facts(page: ComparePage) -> list[tuple[str, str]]:
    run = page.run
    facts = [
        ("Data", words.shown(str(run.data["name"]), 60)),
        ("Training labels", f"{run.data['given']:,}"),
        ("Test labels", f"{run.data['tested']:,}"),
        ("Pruning", words.shown(run.strategy, 40)),
        ("Seeds", str(len({row["seed"] for row in page.results}))),
    ]
    return facts + ([("Changed on purpose", f"{page.planted:.0%}")] if page.planted else [])


def _test(page: ComparePage, name: str) -> dict[str, Any]:
    """Return the table of one test set: an arm a row, both metrics."""
    rows = [row for row in page.summary if row["test_set"] == name and row["against"] in ("", "raw")]
    table = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = {row["metric"]: row for row in rows if row["arm"] == arm}
        cells = [
            cell
            for row in (mine["accuracy"], mine["macro_f1"])
            for cell in (words.score(row["mean"], "accuracy"), _interval(row, "accuracy"))
        ]
        verdict = mine[page.run.metric]["verdict"] or "–"
        cells.insert(2 if page.run.metric == "accuracy" else 4, _p(mine[page.run.metric]["p_holm"]))
        table.append({"arm": words.shown(arm, 30), "verdict": verdict, "cells": cells})
    return {"name": name, "what": TESTS.get(name, ""), "judge": name == page.judged_by, "rows": table}


def _sizes(page: ComparePage) -> list[list[str]]:
    """Training-set size and accuracy on removed samples of each arm, means over seeds."""
    rows = []
    for arm in dict.fromkeys(row["arm"] for row in page.results):
        mine = [row for row in page.results if row["arm"] == arm and row["test_set"] == "raw"]
        sizes = [f"{_mean(mine, key):,.1f}" for key in ("train_size", "removed", "relabelled")]
        on = [
            words.score(_mean(mine, key), "accuracy")
            for key in ("on_removed_by_given_label", "on_removed_by_true_label")
        ]
        rows.append([words.shown(arm, 30), *sizes, *on])
    return rows


def _mean(rows: Sequence[Row], key: str) -> float:
    values = [row[key] for row in rows if row[key] is not None]
    return sum(values) / len(values) if values else math.nan


def _detection(run: RunRecord) -> list[tuple[str, str]]:
    named = {
        "flagged": "Flagged", "wrong": "Wrong labels", "precision": "Flagged that are wrong", "recall": "Wrong that are flagged",
        "suggestion_right": "Suggested labels that are right",
    }  # fmt: skip
    numbers = [
        (text, run.results[f"detection/{name}"]) for name, text in named.items() if f"detection/{name}" in run.results
    ]
    return [
        (text, f"{value:,.0f}" if text in ("Flagged", "Wrong labels") else f"{value:.1%}") for text, value in numbers
    ]


def _share(row: Row) -> str:
    return f"{row['removed'] / row['given']:.1%}" if row["given"] else "–"


def _interval(row: Row, metric: str) -> str:
    if not math.isfinite(row["difference"]):
        return ""
    if not math.isfinite(row["low"]):
        return words.difference(row["difference"], metric)
    low, high = (words.difference(row[end], metric).removesuffix(" points") for end in ("low", "high"))
    return f"{words.difference(row['difference'], metric).removesuffix(' points')} ({low} to {high})"


def _p(value: float) -> str:
    return "" if not math.isfinite(value) else "<0.001" if value < 0.001 else f"{value:.3f}"

"""From finished cells to curves, settings and tables. Pure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from poolwise.jobs.benchmark.cell import CellResult
from poolwise.jobs.benchmark.plan import BOUND
from poolwise.metric.label_efficiency import Curve
from poolwise.metric.standings import Setting, Standing, setting_of

Key = tuple[str, str]
"""(data set, regime)."""


def curve_of(result: CellResult) -> Curve:
    """Return a cell's learning curve: rising numbers of labels and the scores there; a later round counts."""
    scores = {point.labelled: point.score for point in result.points if point.score is not None and point.labelled > 0}
    counts = sorted(scores)
    return np.array(counts, dtype=np.float64), np.array([scores[count] for count in counts], dtype=np.float64)


def settings_of(results: Sequence[CellResult], reference: str) -> dict[Key, Setting]:
    """Return each data set in each regime, compared."""
    grouped: dict[Key, dict[str, dict[int, Curve]]] = {}
    for result in results:
        cell = result.cell
        seeds = grouped.setdefault((cell.dataset, cell.regime), {}).setdefault(cell.strategy, {})
        seeds[cell.seed] = curve_of(result)
    return {key: setting_of(curves, reference=reference, bound=BOUND) for key, curves in grouped.items()}


def metric_of(results: Sequence[CellResult], key: Key) -> str:
    """Return the headline metric of a data set."""
    return next((each.metric for each in results if (each.cell.dataset, each.cell.regime) == key), "")


def mean_over(results: Sequence[CellResult], key: Key, strategy: str, what: str) -> float:
    """Return the mean over seeds of the pool accuracy ("pool") or of the seconds of all selections of a run ("select")."""
    mine = [each for each in results if (each.cell.dataset, each.cell.regime) == key and each.cell.strategy == strategy]
    if what == "pool":
        values = [each.pool_accuracy for each in mine if each.pool_accuracy is not None]
    else:
        values = [sum(point.select_seconds for point in each.points[1:]) for each in mine]
    return float(np.mean(values)) if values else math.nan


def results_csv(results: Sequence[CellResult]) -> str:
    """Return a row a cell and round."""
    rows = []
    for result in results:
        cell = result.cell
        for point in result.points:
            last = point is result.points[-1]
            rows.append({
                "dataset": cell.dataset, "regime": cell.regime, "strategy": cell.strategy, "seed": cell.seed,
                "round": point.round, "labelled": point.labelled, "metric": result.metric, "score": point.score,
                "pool_accuracy": result.pool_accuracy if last else None,
                "select_seconds": point.select_seconds, "train_seconds": point.train_seconds,
                "achievable": cell.strategy != BOUND,
            })  # fmt: skip
    return as_csv(rows)


def summary_csv(results: Sequence[CellResult], settings: Mapping[Key, Setting]) -> str:
    """Return a row a strategy in a data set and regime; the upper bound last."""
    rows = [
        {"dataset": key[0], "regime": key[1], **_summary_row(results, key, row)}
        for key, setting in settings.items()
        for row in (*setting.standings, *([setting.bound] if setting.bound else []))
    ]
    return as_csv(rows)


def _summary_row(results: Sequence[CellResult], key: Key, row: Standing) -> dict[str, Any]:
    return {
        "strategy": row.strategy,
        "achievable": row.strategy != BOUND,
        "seeds": len(row.seeds),
        "metric": metric_of(results, key),
        "aubc": row.area,
        "aubc_sd": row.spread,
        "final": row.final,
        "rank": row.rank,
        "difference": row.against.mean,
        "difference_low": row.against.low,
        "difference_high": row.against.high,
        "p_holm": row.p,
        "verdict": row.verdict,
        "final_difference": row.final_against.mean,
        "final_low": row.final_against.low,
        "final_high": row.final_against.high,
        "labels_needed": row.labels,
        "reference_labels": row.reference_labels,
        "label_ratio": row.ratio,
        "pool_accuracy": mean_over(results, key, row.strategy, "pool"),
        "select_seconds": mean_over(results, key, row.strategy, "select"),
    }


def pairs_csv(settings: Mapping[Key, Setting]) -> str:
    """Return a row a pair of strategies in a data set and regime: is one ahead of the other beyond chance?"""
    rows = []
    for (dataset, regime), setting in settings.items():
        for first, second, gap, p in setting.pairs:
            rows.append({
                "dataset": dataset, "regime": regime, "first": first, "second": second, "seeds": gap.pairs,
                "difference": gap.mean, "low": gap.low, "high": gap.high, "p": gap.p, "p_holm": p,
            })  # fmt: skip
    return as_csv(rows)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of one shape as text; unknown is an empty cell, infinity is "inf", fractions have six figures."""
    text = io.StringIO()
    if rows:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)

"""A comparison as rows of tables. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from poolwise.jobs.compare.measured import METRICS, Metrics, Trial
from poolwise.jobs.compare.summary import Row

Rows = list[dict[str, Any]]


def results(trials: Sequence[Trial], detections: Mapping[int, Metrics]) -> Rows:
    """Return a row a training and test set; `detections` are what detection came to, by seed."""
    return [
        {
            "arm": each.arm,
            "seed": each.seed,
            "test_set": name,
            **{metric: scores[metric] for metric in METRICS},
            "test_size": int(scores["tested"]),
            "train_size": each.size,
            "removed": each.removed,
            "relabelled": each.relabelled,
            "on_removed_by_given_label": each.on_removed.get("given"),
            "on_removed_by_true_label": each.on_removed.get("truth"),
            "detection_precision": detections[each.seed].get("precision"),
            "detection_recall": detections[each.seed].get("recall"),
        }
        for each in trials
        for name, scores in each.tests.items()
    ]


def summary(rows: Iterable[Row]) -> Rows:
    """Return a row an arm, test set and metric."""
    return [
        {
            "arm": row.arm,
            "test_set": row.test,
            "metric": row.metric,
            "mean": row.mean,
            "sd": row.spread,
            "against": row.against,
            "difference": row.gap.mean,
            "low": row.gap.low,
            "high": row.gap.high,
            "p": row.gap.p,
            "p_holm": row.p,
            "seeds": row.gap.pairs,
            "verdict": row.verdict if row.against else "",
        }
        for row in rows
    ]


def numbers(trials: Sequence[Trial], rows: Iterable[Row], detections: Mapping[int, Metrics]) -> dict[str, float]:
    """Return the tracker's numbers of the whole comparison: means, differences to raw with their ends, detection."""
    named: dict[str, float] = {"trainings": float(len(trials))}
    for row in rows:
        if row.against in ("", "raw"):
            key = f"{metric_name(row.metric)}_{row.test}_test/{row.arm}"
            named[key] = row.mean
            if row.against:
                named |= {f"difference/{key}": row.gap.mean, f"low/{key}": row.gap.low, f"high/{key}": row.gap.high}
    for name in ("flagged", "wrong", "precision", "recall", "suggestion_right"):
        values = [each[name] for each in detections.values() if name in each]
        if values:
            named[f"detection/{name}"] = sum(values) / len(values)
    return {name: value for name, value in named.items() if math.isfinite(value)}


def trial_numbers(each: Trial, detection: Metrics) -> dict[str, float]:
    """Return the tracker's numbers of one training."""
    named = {
        f"{metric_name(metric)}_{name}_test": scores[metric]
        for name, scores in each.tests.items()
        for metric in METRICS
    }
    named |= {"train_size": each.size, "removed": each.removed, "relabelled": each.relabelled}
    words = {"given": "given", "truth": "true"}
    named |= {f"on_removed_by_{words[name]}_label": value for name, value in each.on_removed.items()}
    named |= {f"detection/{name}": value for name, value in detection.items()}
    return {name: float(value) for name, value in named.items() if math.isfinite(value)}


def metric_name(metric: str) -> str:
    """Return a metric as the tracker's columns call it.

    >>> metric_name("macro_f1"), metric_name("accuracy")
    ('f1', 'accuracy')
    """
    return "f1" if metric == "macro_f1" else metric


def split_form(rows: Rows) -> dict[str, Any]:
    """Return rows as the JSON that MLflow shows as a table; NaN is null.

    >>> split_form([{"a": 1.0, "b": float("nan")}])
    {'columns': ['a', 'b'], 'data': [[1.0, None]]}
    """
    columns = list(rows[0]) if rows else []
    data = [[None if isinstance(x, float) and math.isnan(x) else x for x in row.values()] for row in rows]
    return {"columns": columns, "data": data}

"""`summary.json`: the numbers of the page for programs.

The layout is fixed by `summary.schema.json` beside this file and explained in docs/summary.md. A change that could
break a reader raises the number in `SCHEMA`; a new key does not. There is no NaN: what is unknown is null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any

from poolwise.core.types import RoundRecord, RunRecord
from poolwise.metric.label_efficiency import area_under_curve
from poolwise.report import words
from poolwise.report.findings import Findings, findings, held_out_size, points
from poolwise.report.settings import command, without_secrets

SCHEMA = "poolwise.summary/1"


def summary(runs: Sequence[RunRecord], versions: Mapping[str, str]) -> dict[str, Any]:
    """Everything in the summary, as plain JSON values.

    Args:
        runs: the run, then its control if it has one.
        versions: package -> version.
    """
    run = runs[0]
    found = findings(runs)
    content = {
        "schema": SCHEMA,
        "run": run.name,
        "status": run.status,
        "stop_reason": run.stop_reason,
        "message": run.message,
        "strategy": run.strategy,
        "seed": run.config.get("seed"),
        "metric": run.metric,
        "higher_is_better": words.higher_is_better(run.metric),
        "data": dict(run.data),
        "held_out": held_out_size(run),
        "command": command(run.command),
        "versions": dict(versions),
        "headline": found.headline,
        "comparison": _comparison(found),
        "runs": [_run(each) for each in runs],
        "unreadable": [{"path": path, "why": why} for path, why in run.unreadable],
        "config": without_secrets(run.config),
    }
    plain: dict[str, Any] = as_json(content)
    return plain


def as_text(content: Mapping[str, Any]) -> str:
    """Return the file: ASCII, so that broken names cannot break it, and strictly JSON."""
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def as_json(value: Any) -> Any:
    """Plain JSON values: numbers of other libraries become Python's, NaN and infinity null.

    >>> as_json({"a": float("nan"), 1: (2, None)})
    {'a': None, '1': [2, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return as_json(value.value)
    if hasattr(value, "tolist"):
        return as_json(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _comparison(found: Findings) -> dict[str, Any] | None:
    if found.comparison is None:
        return None
    return {"verdict": found.verdict.value, "chance_difference": found.margin, **asdict(found.comparison)}


def _run(run: RunRecord) -> dict[str, Any]:
    counts, scores = points(run)
    return {
        "name": run.name,
        "role": words.role(run),
        "strategy": run.strategy,
        "status": run.status,
        "stop_reason": run.stop_reason,
        "area_under_curve": area_under_curve(counts, scores) if counts else None,
        "regret": run.regret,
        "rounds": [_round(record) for record in run.rounds],
    }


def _round(record: RoundRecord) -> dict[str, Any]:
    return {
        "round": record.round,
        "labelled": record.labelled,
        "skipped": record.skipped,
        "metrics": record.metrics,
        "per_class": record.per_class,
        "confusion": record.confusion,
        "fit": record.fit,
        "seconds": record.seconds,
        "pool": record.pool,
        "beside_random": record.beside_random,
        "outlook": record.outlook,
        "labels_digest": record.labels_digest,
        "ids": [ask.sample_id for ask in record.asks],
        "labels": record.labels,
    }

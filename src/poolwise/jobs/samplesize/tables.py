"""An experiment as rows of tables, and as one JSON document. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from poolwise.jobs.samplesize.answers import DOUBLINGS, Forecast
from poolwise.jobs.samplesize.measured import Point
from poolwise.metric.curve.advice import Purchase
from poolwise.metric.curve.classes import ClassNeed
from poolwise.metric.curve.fit import CurveFit
from poolwise.metric.curve.required import Required

Rows = list[dict[str, Any]]
OURS = "average of curves"


def results(points: Sequence[Point], clean: Sequence[Point] = ()) -> Rows:
    """Return a row a training; with cleaned labels beside raw ones a column says which."""
    if not clean:
        return [{"size": each.size, "repeat": each.repeat, **each.scores} for each in points]
    return [
        {"labels": labels, "size": each.size, "repeat": each.repeat, **each.scores}
        for labels, mine in (("raw", points), ("cleaned", clean))
        for each in mine
    ]


def recalls(points: Sequence[Point]) -> Rows:
    """Return a row a training and class."""
    return [
        {"size": each.size, "repeat": each.repeat, "class": name, "labels": each.counts[name], "recall": recall}
        for each in points
        for name, recall in each.recalls.items()
    ]


def curve(rows: Sequence[Forecast]) -> Rows:
    """Return a row a size."""
    return [asdict(row) for row in rows]


def required(
    needs: Mapping[str, tuple[Required, float]], target: float, metric: str, naive: Mapping[str, float]
) -> Rows:
    """Return a row a metric, and one a naive answer to the first."""
    rows: Rows = [
        {"metric": name, "method": OURS, "target": target, "p10": need.p10, "p50": need.p50, "p90": need.p90,
         "reachable": reachable}
        for name, (need, reachable) in needs.items()
    ]  # fmt: skip
    return rows + [
        {"metric": metric, "method": method, "target": target, "p10": math.nan, "p50": size, "p90": math.nan,
         "reachable": math.nan}
        for method, size in naive.items()
    ]  # fmt: skip


def classes(needs: Sequence[ClassNeed], fits: Mapping[str, CurveFit]) -> Rows:
    """Return a row a class, the one that binds first."""
    return [
        {
            "class": need.name,
            "labels": fits[need.name].seen.last,
            "recall": float(fits[need.name].scores[-1]),
            "p10": need.required.p10,
            "p50": need.required.p50,
            "p90": need.required.p90,
            "factor": need.factor,
            "reachable": need.reachable,
            "doubts": " ".join(fits[need.name].warnings),
        }
        for need in needs
    ]


def numbers(
    needs: Mapping[str, tuple[Required, float]],
    forecasts: Sequence[Forecast],
    buy: Purchase | None,
    points: Sequence[Point],
) -> dict[str, float]:
    """Return the tracker's numbers of the experiment as a whole."""
    named: dict[str, float] = {"trainings": float(len(points))}
    for metric, (need, reachable) in needs.items():
        named |= {f"required/{metric}_p10": need.p10, f"required/{metric}_p50": need.p50}
        named |= {f"required/{metric}_p90": need.p90, f"reachable/{metric}": reachable}
    last = max((each.size for each in points), default=1.0)
    for row in forecasts:
        times = row.size / last
        if times == 1:
            continue
        at = f"at_{times:.0f}x" if times in DOUBLINGS else f"at_{row.size:.0f}"
        named |= {f"forecast/{at}": row.mean, f"forecast_low/{at}": row.low, f"forecast_high/{at}": row.high}
    if buy is not None:
        named |= {"next/more": buy.more, "next/chance": buy.chance}
    return {name: value for name, value in named.items() if math.isfinite(value)}


def trial_numbers(each: Point) -> dict[str, float]:
    """Return the tracker's numbers of one training."""
    named = {
        **each.scores,
        **{f"recall/{name}": value for name, value in each.recalls.items()},
        "train_size": each.size,
    }
    return {name: float(value) for name, value in named.items() if math.isfinite(value)}


def plain(value: Any) -> Any:
    """Return values for JSON: what is not finite is null.

    >>> plain({"a": [1.0, float("inf")]})
    {'a': [1.0, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def split_form(rows: Rows) -> dict[str, Any]:
    """Return rows as the JSON that MLflow shows as a table; what is not finite is null."""
    return {"columns": list(rows[0]) if rows else [], "data": plain([list(row.values()) for row in rows])}

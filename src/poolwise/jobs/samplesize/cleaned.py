"""Cleaned against raw labels: the same samples with both, trained alike, measured on the cleaned test labels. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poolwise.core.types import LabelledSet, Labels, is_known
from poolwise.jobs.samplesize import answers
from poolwise.jobs.samplesize.cells import Splits
from poolwise.jobs.samplesize.measured import Point
from poolwise.jobs.samplesize.settings import SampleSizeConfig
from poolwise.metric.curve.cleaned import CurveDifference
from poolwise.metric.curve.fit import CurveFit
from poolwise.metric.curve.posterior import Prior


@dataclass(frozen=True, eq=False)
class Cleaned:
    """What the cleaned labels came to.

    Attributes:
        points: a row a training on them.
        curves: the metric of the target with raw and with cleaned labels.
        changed: share of the training labels that cleaning changed.
    """

    points: Sequence[Point]
    curves: CurveDifference
    changed: float


def cleaned(
    points: Sequence[Point], raw: CurveFit, metric: str, prior: Prior, settings: SampleSizeConfig, changed: float
) -> Cleaned:
    """Fit the trainings on cleaned labels, beside the curve of the raw ones."""
    return Cleaned(points, CurveDifference(raw, answers.fitted(points, metric, prior, settings)), changed)


def with_labels(given: LabelledSet, clean: Labels) -> LabelledSet:
    """Return the same samples with cleaned labels, where there are any.

    Args:
        given: n samples.
        clean: (N,) or (N, C) labels of all samples, -1 for unknown.
    """
    theirs = clean[given.ids]
    known = is_known(theirs)
    labels = given.labels.copy()
    labels[known] = theirs[known]
    return LabelledSet(given.ids, labels)


def clean_splits(common: Splits, clean: Labels) -> tuple[Splits, Splits]:
    """Return the splits with raw and with cleaned training labels; both have the cleaned test labels."""
    raw = replace(common, test=with_labels(common.test, clean))
    return raw, replace(raw, train=with_labels(common.train, clean))


def changed_share(raw: Splits, clean: Splits) -> float:
    """Return the share of the training labels that cleaning changed."""
    differ = raw.train.labels != clean.train.labels
    return float((differ if differ.ndim == 1 else differ.any(axis=1)).mean())


def sentence(result: Cleaned, settings: SampleSizeConfig, metric: str) -> str:
    """Return what cleaning is worth at the largest size."""
    size = result.curves.raw.seen.last
    cleaned = f"Cleaning changed {100 * result.changed:.1f} % of the training labels"
    if not (result.curves.raw.extrapolates and result.curves.clean.extrapolates):
        gap = result.curves.clean.scores[-1] - result.curves.raw.scores[-1]
        return f"{cleaned}; with {size:,.0f} {settings.unit} {metric} is {100 * gap:+.1f} points higher with the cleaned ones."
    gap = result.curves.at(size)
    mean, low, high = (100 * part for part in gap)
    shown = f"{mean:+.1f} points of {metric} with {size:,.0f} {settings.unit} (80 %: {low:+.1f} to {high:+.1f})"
    if low <= 0 <= high:
        return f"{cleaned} and made no difference beyond chance: {shown}."
    if high < 0:
        return f"{cleaned} and did harm: {shown}."
    return f"{cleaned} and brought {shown}; {_worth(result.curves.worth(size))}."


def _worth(worth: float) -> str:
    if math.isinf(worth):
        return "no number of raw labels within reach does as well"
    return f"a clean label is worth {worth:.2g} raw ones there"


def rows(result: Cleaned) -> list[dict[str, Any]]:
    """Return a row a size: curves with raw and cleaned labels, their difference (80 %), its chance, a label's worth."""
    if not (result.curves.raw.extrapolates and result.curves.clean.extrapolates):
        return []
    sizes = np.array([*result.curves.raw.sizes, *answers.table_sizes(result.curves.raw)[1:]])
    raw, clean = (np.asarray(fit.predict(sizes).mean) for fit in (result.curves.raw, result.curves.clean))
    mean, low, high = (np.asarray(part) for part in result.curves.at(sizes))
    return [
        {
            "size": float(size), "raw": float(raw[at]), "clean": float(clean[at]), "difference": float(mean[at]),
            "low": float(low[at]), "high": float(high[at]), "chance": result.curves.probability(size),
            "worth": result.curves.worth(size),
        }
        for at, size in enumerate(sizes.tolist())
    ]  # fmt: skip


def numbers(table: Sequence[dict[str, Any]], size: float) -> dict[str, float]:
    """Return the tracker's numbers, of the largest size measured."""
    here = [row for row in table if row["size"] == size]
    named = (
        {f"cleaned/{name}": here[0][name] for name in ("difference", "low", "high", "chance", "worth")} if here else {}
    )
    return {name: value for name, value in named.items() if math.isfinite(value)}

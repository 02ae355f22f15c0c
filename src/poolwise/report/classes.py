"""What the page says of each class: results worst first, and which classes are taken for which."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from poolwise.core.types import RoundRecord, RunRecord
from poolwise.report import words
from poolwise.report.findings import total

CELLS = 20
"""Up to so many classes the confusion matrix is a table of the page; beyond that a figure."""
SHADES = 9


def class_rows(runs: Sequence[RunRecord], last: RoundRecord) -> list[dict[str, Any]]:
    """Per-class results of the last round, lowest F1 first, beside the control's F1 at as many labels."""
    rivals = [record for run in runs[1:2] for record in run.rounds if record.labelled == last.labelled]
    control: Mapping[str, Mapping[str, float]] = rivals[-1].per_class if rivals else {}
    learnt = labels_per_class(runs[0], last)
    rows = []
    for name, values in sorted(last.per_class.items(), key=lambda item: _worst(item[1])):
        f1 = values.get("f1")
        rows.append({
            "name": words.shown(name, 80),
            "f1": words.score(f1, "f1"),
            "width": round(100 * f1, 1) if f1 is not None and 0 <= f1 <= 1 else 0,
            "control": words.score(control.get(name, {}).get("f1"), "f1"),
            "precision": words.score(values.get("precision"), "precision"),
            "recall": words.score(values.get("recall"), "recall"),
            "support": _count(values.get("support")),
            "learnt": "" if learnt is None else f"{learnt[name]:,}",
        })  # fmt: skip
    return rows


def labels_per_class(run: RunRecord, last: RoundRecord) -> Counter[str] | None:
    """How many labels of each class the model learnt from; None where the rounds do not tell of all of them."""
    given = [
        label for record in run.rounds if record.round <= last.round for label in record.labels if label is not None
    ]
    if len(given) != last.labelled:
        return None
    return Counter(name for label in given for name in ((label,) if isinstance(label, str) else label))


def heat_table(record: RoundRecord, classes: Sequence[str]) -> list[dict[str, Any]] | None:
    """Rows of (count, shade 0 to 9, on the diagonal); None without a matrix or with more than `CELLS` classes."""
    if not total(record) or len(record.confusion or ()) != len(classes) or len(classes) > CELLS:
        return None
    counts = np.asarray(record.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shades = np.ceil(SHADES * shares).astype(int)
    return [
        {
            "name": words.shown(name, 40),
            "cells": [
                (int(count), int(shade), at == column)
                for column, (count, shade) in enumerate(zip(counts[at], shades[at], strict=True))
            ],
        }
        for at, name in enumerate(classes)
    ]


def confusions(record: RoundRecord, classes: Sequence[str], most: int = 5) -> list[str]:
    """Return the most frequent mistakes, in words."""
    counts = np.asarray(record.confusion)
    if len(counts) != len(classes):
        return []
    wrong = counts * (1 - np.eye(len(counts), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    rows, columns = np.unravel_index(order, wrong.shape)
    return [
        f"{words.shown(classes[row], 60)} taken for {words.shown(classes[column], 60)}: "
        f"{wrong[row, column]:,} of {counts[row].sum():,}"
        for row, column in zip(rows, columns, strict=True)
        if wrong[row, column]
    ]


def _worst(values: Mapping[str, float]) -> float:
    """Order by F1, classes without one (none in the test set) last."""
    value: float | None = values.get("f1")
    return math.inf if value is None or not math.isfinite(value) else value


def _count(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{int(value):,}"

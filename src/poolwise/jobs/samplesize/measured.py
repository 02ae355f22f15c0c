"""What each training came to, on one test set. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from poolwise.core.errors import ConfigError
from poolwise.core.types import Floats, LabelledSet, Labels, Task
from poolwise.metric.classification import headline, held_out

METRICS = {
    Task.MULTICLASS: ("accuracy", "macro_f1", "balanced_accuracy"),
    Task.MULTILABEL: ("macro_f1", "micro_f1", "subset_accuracy"),
}


@dataclass(frozen=True)
class Point:
    """One training.

    Attributes:
        size: how many samples it learnt.
        repeat: number of the repeat, from 0.
        scores: metric -> value.
        counts: class -> how many of the samples had it.
        recalls: class -> recall; classes that the test set lacks are left out.
    """

    size: float
    repeat: int
    scores: Mapping[str, float]
    counts: Mapping[str, int] = field(default_factory=dict)
    recalls: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """Scores measured elsewhere.

    Attributes:
        name: of the file.
        digest: of its content.
        metric: what the scores are called.
        points: rows of the file; NaN for a score that is missing.
    """

    name: str
    digest: str
    metric: str
    points: tuple[Point, ...]


def point(
    size: int, repeat: int, train: LabelledSet, test: LabelledSet, probs: Floats, task: Task, classes: Sequence[str]
) -> Point:
    """Measure one model; `probs` (t, C) are of the test samples."""
    result = held_out(probs, test.labels, task, classes)
    recalls = {name: float(row["recall"]) for name, row in result.per_class.items() if np.isfinite(row["recall"])}
    counts = dict(zip(classes, per_class(train.labels, len(classes)).tolist(), strict=True))
    scores = {name: float(result.metrics[name]) for name in METRICS[task]}
    return Point(size, repeat, scores, counts, recalls)


def per_class(labels: Labels, classes: int) -> np.ndarray:
    """Return (C,) how many samples have each class.

    >>> per_class(np.array([0, 2, 2]), 3).tolist(), per_class(np.array([[1, 1], [0, 1]]), 2).tolist()
    ([1, 0, 2], [1, 2])
    """
    return np.bincount(labels, minlength=classes) if labels.ndim == 1 else (labels == 1).sum(axis=0)


def metric_of(wanted: str | None, task: Task) -> str:
    """Return the metric that the target is of.

    Raises:
        ConfigError: one that is not measured.

    >>> metric_of(None, Task.MULTICLASS)
    'accuracy'
    """
    if wanted is not None and wanted not in METRICS[task]:
        raise ConfigError(f"metric is {wanted!r}; of these labels it is one of {', '.join(METRICS[task])}.")
    return wanted or headline(task)


def guessing(metric: str, test: Labels, classes: int) -> float | None:
    """Return the score of guessing the most frequent class, where it is known.

    >>> guessing("accuracy", np.array([0, 0, 1]), 2)
    0.6666666666666666
    """
    if metric == "accuracy":
        return float(per_class(test, classes).max() / len(test))
    return 1 / classes if metric == "balanced_accuracy" else None

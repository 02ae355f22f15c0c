"""Quality of a classifier on held-out samples: accuracy and calibration. The numbers are torchmetrics' own.

Classes that the held-out set does not contain are left out of every mean over classes: there is nothing to measure,
and a zero (or a one) in their place would move the mean by a class nobody looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import InvalidArray
from poolwise.core.types import Floats, Labels, Task

BINS = 15
"""As in Guo et al. 2017."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """The reliability diagram: per bin of confidence (M,), how sure, how often right, how many.

    `confidence` and `accuracy` are NaN in empty bins.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]


def reliability(probs: Floats, labels: Labels, bins: int = BINS) -> Reliability:
    """Group samples by the probability of their predicted class (Guo et al. 2017, section 2).

    Args:
        probs: (N, C) rows summing to 1.
        labels: (N,) class numbers.
        bins: of equal width over 0..1; a confidence on an edge belongs to the bin above it, 1 to the last.

    >>> found = reliability(np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]]), np.array([0, 1, 1]), bins=2)
    >>> found.count.tolist(), found.accuracy.round(3).tolist()
    ([0, 3], [nan, 0.667])
    """
    confidence = np.max(probs, axis=1).astype(np.float64)
    right = (np.argmax(probs, axis=1) == labels).astype(np.float64)
    at = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(at, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            np.bincount(at, confidence, minlength=bins) / count, np.bincount(at, right, minlength=bins) / count, count
        )


def calibration_error(probs: Floats, labels: Labels, bins: int = BINS) -> float:
    """Return the expected calibration error, in 0..1, lower is better (Guo et al. 2017, equation 3).

    The mean over samples of |accuracy - confidence| of the sample's bin.

    >>> round(calibration_error(np.array([[0.75, 0.25], [0.75, 0.25]]), np.array([0, 1])), 6)
    0.25
    """
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error

    scores = torch.from_numpy(np.ascontiguousarray(probs, dtype=np.float32))
    truth = torch.from_numpy(np.asarray(labels, dtype=np.int64))
    # a sum of float32 probabilities may end just above 1, which torchmetrics would take for logits
    error = multiclass_calibration_error(
        scores.clamp(0, 1), truth, num_classes=scores.shape[1], n_bins=bins, norm="l1", validate_args=False
    )
    return float(error)


THRESHOLD = 0.5
"""A multi-label class counts as predicted from this probability on."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Measurements on held-out samples.

    Attributes:
        metrics: name -> value; higher is better except `nll` (nats a sample) and `ece` (0..1), where lower is.
        per_class: class name -> {precision, recall, f1, support} (multi-label: also average_precision). NaN where it
            is not defined: recall, f1 and average_precision of a class without samples, precision of one that is
            neither there nor predicted.
        confusion: (C, C) int64, rows true classes, columns predicted ones; None for multi-label tasks.
    """

    metrics: Mapping[str, float]
    per_class: Mapping[str, Mapping[str, float]]
    confusion: NDArray[np.int64] | None


def headline(task: Task) -> str:
    """Name of the one metric that stands for all: of the learning curve, of stopping.

    >>> headline(Task.MULTICLASS), headline(Task.MULTILABEL)
    ('accuracy', 'macro_f1')
    """
    return "accuracy" if task is Task.MULTICLASS else "macro_f1"


def held_out(probs: Floats, labels: Labels, task: Task, classes: Sequence[str]) -> HeldOut:
    """Measure predictions against known labels.

    Args:
        probs: (N, C) probabilities in 0..1; multi-class rows sum to 1.
        labels: (N,) class numbers, or (N, C) of 0 and 1; all known.
        task: multi-class gives accuracy, balanced_accuracy, macro_f1, nll, ece; multi-label macro_f1, micro_f1,
            mean_average_precision, subset_accuracy, hamming_accuracy, nll.
        classes: (C,) names.

    Raises:
        InvalidArray: shapes that do not belong together, unknown labels, no sample, NaN.

    >>> found = held_out(np.array([[0.75, 0.25], [0.75, 0.25]]), np.array([0, 1]), Task.MULTICLASS, ["a", "b"])
    >>> found.metrics["accuracy"], found.metrics["macro_f1"], found.confusion.tolist()
    (0.5, 0.3333333333333333, [[1, 0], [1, 0]])
    """
    values = _checked(probs, labels, task, len(classes))
    if task is Task.MULTICLASS:
        return _multiclass(values, np.asarray(labels, dtype=np.int64), classes)
    return _multilabel(values, np.asarray(labels, dtype=np.int64), classes)


def _checked(probs: Floats, labels: Labels, task: Task, classes: int) -> Floats:
    values = np.ascontiguousarray(probs, dtype=np.float32)
    known = np.asarray(labels)
    rows = (len(values),) if task is Task.MULTICLASS else (len(values), classes)
    if values.ndim != 2 or values.shape[1] != classes or not len(values):
        raise InvalidArray(f"probs must be (N, {classes}) with N at least 1; got shape {values.shape}.")
    if known.shape != rows:
        raise InvalidArray(f"labels of {len(values)} {task.value} samples must have shape {rows}; got {known.shape}.")
    if not np.isfinite(values).all():
        raise InvalidArray(f"probs hold NaN or infinity in {int((~np.isfinite(values)).any(axis=1).sum())} rows.")
    top = classes - 1 if task is Task.MULTICLASS else 1
    if known.min() < 0 or known.max() > top:
        raise InvalidArray(f"labels must be known and lie in 0..{top}; got {known.min()} to {known.max()}.")
    return values


def _multiclass(probs: Floats, labels: NDArray[np.int64], classes: Sequence[str]) -> HeldOut:
    import torch
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    scores, truth = torch.from_numpy(probs), torch.from_numpy(labels)
    matrix = multiclass_confusion_matrix(scores, truth, num_classes=len(classes), validate_args=False)
    confusion = np.asarray(matrix.numpy(), dtype=np.int64)
    counts = _Counts(np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1))
    columns = counts.columns()
    metrics = {
        "accuracy": float(np.diag(confusion).sum() / len(labels)),
        "balanced_accuracy": _mean(columns["recall"]),
        "macro_f1": _mean(columns["f1"]),
        "nll": float(torch.nn.functional.nll_loss(_logs(scores), truth)),
        "ece": calibration_error(probs, labels),
    }
    return HeldOut(metrics, _rows(columns, classes), confusion)


def _multilabel(probs: Floats, labels: NDArray[np.int64], classes: Sequence[str]) -> HeldOut:
    import torch
    import torchmetrics.functional.classification as tm

    scores, truth = torch.from_numpy(probs), torch.from_numpy(labels)
    predicted = probs >= THRESHOLD
    counts = _Counts((predicted & (labels == 1)).sum(axis=0), predicted.sum(axis=0), labels.sum(axis=0))
    columns = counts.columns()
    columns["average_precision"] = np.array(
        [
            float(tm.binary_average_precision(scores[:, at], truth[:, at], validate_args=False))
            if counts.there[at]
            else np.nan
            for at in range(len(classes))
        ]
    )
    metrics = {
        "macro_f1": _mean(columns["f1"]),
        "micro_f1": counts.micro_f1(),
        "mean_average_precision": _mean(columns["average_precision"]),
        "subset_accuracy": float((predicted == labels).all(axis=1).mean()),
        "hamming_accuracy": float((predicted == labels).mean()),
        "nll": float(torch.nn.functional.binary_cross_entropy(scores, truth.float(), reduction="none").sum(1).mean()),
    }
    return HeldOut(metrics, _rows(columns, classes), None)


@dataclass(frozen=True, eq=False)
class _Counts:
    """Per class (C,): predicted and there, predicted, there."""

    hits: NDArray[Any]
    predicted: NDArray[Any]
    there: NDArray[Any]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return precision, recall, F1 and support, NaN where a class is not there."""
        absent = self.there == 0
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(self.predicted > 0, self.hits / self.predicted, np.where(absent, np.nan, 0.0))
            recall = np.where(absent, np.nan, self.hits / self.there)
            f1 = np.where(absent, np.nan, 2 * self.hits / (self.predicted + self.there))
        return {"precision": precision, "recall": recall, "f1": f1, "support": self.there.astype(np.float64)}

    def micro_f1(self) -> float:
        """Return F1 over all (sample, class) pairs; NaN when no class is there and none was predicted."""
        both = self.predicted.sum() + self.there.sum()
        return float(2 * self.hits.sum() / both) if both else float("nan")


def _logs(scores: Any) -> Any:
    """Return log-probabilities, with float32's smallest step instead of minus infinity."""
    import torch

    return scores.clamp_min(torch.finfo(torch.float32).tiny).log()


def _mean(column: NDArray[Any]) -> float:
    return float(np.nanmean(column)) if np.isfinite(column).any() else float("nan")


def _rows(columns: Mapping[str, NDArray[Any]], classes: Sequence[str]) -> dict[str, dict[str, float]]:
    return {name: {key: float(column[at]) for key, column in columns.items()} for at, name in enumerate(classes)}

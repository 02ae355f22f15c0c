"""The temperature at which a model is best calibrated, and probabilities at it (Guo et al. 2017, section 4.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Labels, Task

GRID = np.geomspace(0.1, 10, 81)
"""Temperatures tried: 6 % apart."""
BINS = 15
"""As in Guo et al. 2017."""
BLOCK = 1 << 22
"""Entries worked on in one go."""

Doubles = NDArray[np.float64]


def temperature(probs: Floats, labels: Labels, task: Task = Task.MULTICLASS) -> float:
    """Return the temperature at which probabilities are best calibrated.

    It has the least expected calibration error of a grid 0.1..10; of equally good ones the nearest to 1 is taken.
    Above 1 the model was too sure.

    Args:
        probs: (L, C), L >= 1, predicted for samples the model had not been trained on.
        labels: (L,) class numbers, or (L, C) of 0 and 1; all known.
        task: multi-class, by the predicted class; or multi-label, by all entries.

    >>> temperature(np.tile([[0.9, 0.1]], (4, 1)), np.array([0, 0, 0, 1])) > 1
    True
    """
    errors = [_calibration_error(rescaled(probs, at, task), labels, task) for at in GRID]
    order = np.argsort(np.abs(np.log(GRID)), kind="stable")
    return float(GRID[order[np.round(errors, 9)[order].argmin()]])


def rescaled(probs: Floats, at: float, task: Task = Task.MULTICLASS) -> Floats:
    """Return probabilities at another temperature: p^(1/T), rows summing to 1 again; the softmax of logits / T.

    Args:
        probs: (N, C) probabilities; multi-label entries are rescaled one by one against 1 - q.
        at: T above 0; higher brings probabilities nearer to each other, and 1 changes nothing.
        task: multi-class or multi-label.

    Returns:
        (N, C) float32. The order within a row stays.

    >>> [round(float(p), 3) for p in rescaled(np.array([[0.9, 0.1]]), 0.5)[0]]
    [0.988, 0.012]
    """
    scaled = np.empty(np.shape(probs), dtype=np.float32)
    step = max(1, BLOCK // probs.shape[1])
    for start in range(0, len(probs), step):
        rows = np.asarray(probs[start : start + step], dtype=np.float64)
        scaled[start : start + step] = _binary(rows, at) if task is Task.MULTILABEL else _rows(rows, at)
    return scaled


def _rows(p: Doubles, at: float) -> Doubles:
    # relative to the largest of a row, so that no row vanishes at a low temperature
    powers: Doubles = (p / p.max(axis=1, keepdims=True)) ** (1 / at)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _binary(q: Doubles, at: float) -> Doubles:
    surer = np.maximum(q, 1 - q)
    yes: Doubles = (q / surer) ** (1 / at)
    no: Doubles = ((1 - q) / surer) ** (1 / at)
    return np.asarray(yes / (yes + no))


def _calibration_error(probs: Floats, labels: Labels, task: Task) -> float:
    """Return the expected calibration error in 0..1 (Guo et al. 2017, equation 3)."""
    if task is Task.MULTILABEL:
        confidence, right = np.maximum(probs, 1 - probs).ravel(), ((probs > 0.5) == (labels == 1)).ravel()
    else:
        confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, confidence, minlength=BINS) - np.bincount(bins, right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))

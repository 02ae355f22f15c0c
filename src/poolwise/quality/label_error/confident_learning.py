"""Confident learning (Northcutt, Jiang and Chuang 2021): the joint of given and true labels, and what to prune by it.

`labels` are (N,) class numbers, `probs` (N, C) out-of-sample probabilities.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.quality.label_error.self_confidence import Numbers, Quality, given_and_best_other, self_confidence

SLACK = 1e-6
"""A probability this far below its threshold still counts: float32 and means of it differ by as much."""
BLOCK = 1 << 20


class Prune(str, Enum):
    """Rules by which confident learning calls labels wrong."""

    OFF_DIAGONAL = "off_diagonal"
    BY_CLASS = "by_class"
    BY_NOISE_RATE = "by_noise_rate"
    BOTH = "both"


def thresholds(labels: Numbers, probs: Floats) -> Quality:
    """Return (C,) mean probability of a class over the samples given that label (their equation 2); infinite for none.

    >>> thresholds(np.array([0, 0]), np.array([[0.8, 0.2], [0.6, 0.4]])).round(6).tolist()
    [0.7, inf]
    """
    counts = np.bincount(labels, minlength=probs.shape[1])
    sums = np.bincount(labels, weights=self_confidence(labels, probs), minlength=probs.shape[1])
    return np.asarray(np.divide(sums, counts, out=np.full(probs.shape[1], np.inf), where=counts > 0))


def confident_class(labels: Numbers, probs: Floats) -> Numbers:
    """Return (N,) the class that a sample confidently is: the most probable one that reaches its threshold; -1 for none."""
    bars, sure = thresholds(labels, probs) - SLACK, np.empty(len(labels), dtype=np.int64)
    step = max(1, BLOCK // probs.shape[1])
    for at in range(0, len(labels), step):
        some = probs[at : at + step]
        reached = some >= bars
        sure[at : at + step] = np.where(reached.any(axis=1), np.where(reached, some, -1).argmax(axis=1), -1)
    return sure


def confident_joint(labels: Numbers, probs: Floats) -> NDArray[np.float64]:
    """Return (C, C) estimated counts by given label (row) and true label (column); rows sum to the labels given.

    Counts of confident samples, the diagonal at least 1, each row scaled to its class (their equations 1 and 3).

    >>> probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.7, 0.3]])
    >>> confident_joint(np.array([0, 0, 0, 1, 1]), probs).round(2).tolist()
    [[2.0, 1.0], [1.0, 1.0]]
    """
    classes, sure = probs.shape[1], confident_class(labels, probs)
    rows = sure >= 0
    counts = (
        np.bincount(labels[rows] * classes + sure[rows], minlength=classes**2).reshape(classes, classes).astype(float)
    )
    sizes = np.bincount(labels, minlength=classes)
    np.fill_diagonal(counts, np.where(sizes > 0, np.maximum(counts.diagonal(), 1), 0))
    totals = counts.sum(axis=1)
    return np.asarray(counts * np.divide(sizes, totals, out=np.zeros(classes), where=totals > 0)[:, None])


def flagged(labels: Numbers, probs: Floats, prune: Prune = Prune.BY_NOISE_RATE) -> NDArray[np.bool_]:
    """Return (N,) whether confident learning calls a label wrong (their section 3.2).

    As in their implementation a label that is also the most probable class is never called wrong.
    """
    given, other = given_and_best_other(labels, probs)
    differs = other > given
    if prune is Prune.OFF_DIAGONAL:
        sure = confident_class(labels, probs)
        return np.asarray((sure >= 0) & (sure != labels) & differs)
    joint = np.rint(confident_joint(labels, probs)).astype(np.int64)
    wrong = np.ones(len(labels), dtype=np.bool_)
    if prune in (Prune.BY_CLASS, Prune.BOTH):
        wrong &= _by_class(labels, probs, joint)
    if prune in (Prune.BY_NOISE_RATE, Prune.BOTH):
        wrong &= _by_noise_rate(labels, probs, joint, differs)
    return wrong & differs


def _by_class(labels: Numbers, probs: Floats, joint: Numbers) -> NDArray[np.bool_]:
    """Flag in each given class as many of lowest self-confidence as lie off the diagonal."""
    wrong = np.zeros(len(labels), dtype=np.bool_)
    quality = self_confidence(labels, probs)
    for given in range(probs.shape[1]):
        rows = np.flatnonzero(labels == given)
        count = int(joint[given].sum() - joint[given, given])
        wrong[rows[np.argsort(quality[rows], kind="stable")[:count]]] = True
    return wrong


def _by_noise_rate(labels: Numbers, probs: Floats, joint: Numbers, differs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Flag for each pair of classes as many as the joint says, of largest p(other) - p(given), where a label `differs`."""
    wrong = np.zeros(len(labels), dtype=np.bool_)
    for given in range(probs.shape[1]):
        rows = np.flatnonzero((labels == given) & differs)
        for other in np.flatnonzero(joint[given]):
            if other != given:
                lead = probs[rows, other].astype(np.float64) - probs[rows, given]
                wrong[rows[np.argsort(-lead, kind="stable")[: joint[given, other]]]] = True
    return wrong

"""Label quality from the probabilities of one sample alone.

`labels` are (N,) class numbers, `probs` (N, C) out-of-sample probabilities. Every function gives (N,) float64 in [0, 1],
lower is worse. Computed block by block: nothing of the size of `probs` is made.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats

Quality = NDArray[np.float64]
Probs = Floats | NDArray[np.float64]
Numbers = NDArray[np.int64]

BLOCK = 1 << 16
"""Elements looked at in one go: they stay in a core's cache."""
TINY = float(np.finfo(np.float64).tiny)


def self_confidence(labels: Numbers, probs: Probs) -> Quality:
    """Return the probability of the given label, labelfix's inner product with the prediction (Mueller, Markert 2019).

    >>> self_confidence(np.array([0, 1]), np.array([[0.9, 0.1], [0.7, 0.3]])).tolist()
    [0.9, 0.3]
    """
    return np.asarray(probs[np.arange(len(labels)), labels], dtype=np.float64)


def normalised_margin(labels: Numbers, probs: Probs) -> Quality:
    """Return (p of the given label - p of the best other one + 1) / 2 (Northcutt et al. 2021, section 4).

    >>> normalised_margin(np.array([0, 1]), np.array([[0.75, 0.25], [0.75, 0.25]])).tolist()
    [0.75, 0.25]
    """
    given, other = given_and_best_other(labels, probs)
    return np.asarray((given - other + 1) / 2)


def weighted_entropy(labels: Numbers, probs: Probs) -> Quality:
    """Return log(1 + w) / w of the weighted entropy w = H(p) / (log C * p of the given label) (Kuan and Mueller 2022).

    Of little use alone: it takes what the model is unsure of for wrong.

    >>> weighted_entropy(np.array([0]), np.array([[0.5, 0.5]])).round(4).tolist()       # w = 2: log(3) / 2
    [0.5493]
    """
    if probs.shape[1] < 2:
        return np.ones(len(labels))

    def part(rows: slice) -> Quality:
        some = probs[rows].astype(np.float64)
        entropy = -(some * np.log(np.maximum(some, TINY))).sum(axis=1)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            weight = entropy / (np.log(probs.shape[1]) * self_confidence(labels[rows], some))
        weight = np.nan_to_num(weight, nan=0, posinf=np.finfo(np.float64).max)  # 0 / 0: sure of another class
        sure = (entropy == 0) & (self_confidence(labels[rows], some) == 0)
        with np.errstate(invalid="ignore", over="ignore"):
            quality = np.where(weight > 0, np.log1p(weight) / np.maximum(weight, TINY), 1.0)
        return np.asarray(np.where(sure, 0.0, quality))

    return by_blocks(part, len(labels), probs.shape[1])


def odds(labels: Numbers, probs: Probs, floor: float = 1e-6) -> Quality:
    """Return the odds of the given label against the best other one: p / (p + q), both raised by a floor.

    The order is that of log p - log q. Unlike the margin it goes on telling rows apart where p is small, and unlike
    self-confidence it leaves the other classes out. The floor is what a model cannot tell from nothing.

    >>> odds(np.array([0, 1]), np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]]), floor=0).round(4).tolist()
    [0.6667, 0.3333]
    """
    given, other = given_and_best_other(labels, probs)
    both = given + other + 2 * floor
    return np.asarray(np.divide(given + floor, both, out=np.full(len(given), 0.5), where=both > 0))


def tempered_odds(labels: Numbers, probs: Probs, floor: float = 0.03, weight: float = 0.3) -> Quality:
    """Return odds in which the alternative counts more than how unlikely the given label is: p^w / (p^w + q).

    Where errors are rare and the model is good, as in published test sets, the question is whether it is sure of another
    class; how near to nothing p is tells little. Floor and weight were chosen on the checked errors of CIFAR-10's test
    set; on planted errors `odds` is better.

    >>> tempered_odds(np.array([0]), np.array([[0.25, 0.75]]), floor=0, weight=0.5).tolist()     # .5 / (.5 + .75)
    [0.4]
    """
    given, other = given_and_best_other(labels, probs)
    raised = (given + floor) ** weight
    both = raised + other + floor
    return np.asarray(np.divide(raised, both, out=np.full(len(given), 0.5), where=both > 0))


def given_and_best_other(labels: Numbers, probs: Probs) -> tuple[Quality, Quality]:
    """Return (N,) probability of the given label and (N,) the largest other one; 0 where there is but one class.

    >>> [column.tolist() for column in given_and_best_other(np.array([1]), np.array([[0.5, 0.25, 0.25]]))]
    [[0.25], [0.5]]
    """

    def part(rows: slice) -> Quality:
        some = probs[rows].astype(np.float64)
        some[np.arange(len(some)), labels[rows]] = 0
        return np.asarray(some.max(axis=1))

    return self_confidence(labels, probs), by_blocks(part, len(labels), probs.shape[1])


def by_blocks(part: Callable[[slice], Quality], count: int, width: int) -> Quality:
    """Return (N,) joined from what a function gives for blocks of rows."""
    step = max(1, BLOCK // max(1, width))
    values = np.empty(count)
    for at in range(0, count, step):
        values[at : at + step] = part(slice(at, at + step))
    return values

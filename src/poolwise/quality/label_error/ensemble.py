"""Several models, or several detectors, as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import MinLen

from poolwise.core.ranges import Checked
from poolwise.core.types import Floats, Need
from poolwise.quality.label_error.detectors import Detector, LabelView, given_first, needed
from poolwise.quality.label_error.self_confidence import Numbers, Probs, Quality, self_confidence

SHARPNESS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 200.0)
"""Tried for weights by log loss: from all alike to the best alone."""
CLOSEST = 1e-15
Members = Annotated[dict[str, Annotated[Any, Detector]], MinLen(1)]


class Weighting(str, Enum):
    """Weights of models whose probabilities are averaged."""

    EVEN = "even"
    ACCURACY = "accuracy"
    LOG_LOSS = "log_loss"


def log_loss(labels: Numbers, probs: Probs) -> float:
    """Return the mean of -log p of the given label: scikit-learn's takes 30 times as long, in one column a class.

    >>> round(log_loss(np.array([0, 1]), np.array([[0.5, 0.5], [0.75, 0.25]])), 4)        # log 2, log 4
    1.0397
    """
    return float(-np.log(np.clip(self_confidence(labels, probs), CLOSEST, 1)).mean()) if len(labels) else 0.0


def model_weights(labels: Numbers, models: Sequence[Probs], weighting: Weighting) -> Quality:
    """Return (M,) what M models weigh, from how well they agree with the given labels; they sum to 1.

    By accuracy, or by exp(-T * log loss) with the T out of eight whose average has the least log loss.

    >>> models = [np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.9, 0.1], [0.8, 0.2]])]
    >>> model_weights(np.array([0, 1]), models, Weighting.ACCURACY).round(3).tolist()       # both right, and one of two
    [0.667, 0.333]
    """
    even = np.full(len(models), 1 / len(models))
    if weighting is Weighting.EVEN or not len(labels):
        return even
    if weighting is Weighting.ACCURACY:
        right = np.array([float((probs.argmax(axis=1) == labels).mean()) for probs in models])
        return np.asarray(right / right.sum()) if right.any() else even
    losses = np.array([log_loss(labels, probs) for probs in models])
    losses -= losses.min()
    tried = [np.exp(-sharpness * losses) for sharpness in SHARPNESS]
    tried = [weights / weights.sum() for weights in tried]
    return np.asarray(min(tried, key=lambda weights: log_loss(labels, averaged(models, weights))))


def averaged(models: Sequence[Probs], weights: Quality) -> Floats:
    """Return (N, C) mean of several models' probabilities.

    >>> averaged([np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])], np.array([0.75, 0.25])).tolist()
    [[0.75, 0.25]]
    """
    total = np.zeros(models[0].shape)
    for probs, weight in zip(models, weights, strict=True):
        total += weight * probs
    return total.astype(np.float32)


def by_mean_rank(qualities: Sequence[Quality]) -> Quality:
    """Return (N,) qualities in the order of the mean rank by several qualities (N,), and spread as the mean of them is.

    Ranks alone would call half of the labels worse than one half, whatever they are like.

    >>> by_mean_rank([np.array([0.1, 0.8, 0.9]), np.array([0.0, 1.0, 0.5])]).round(3).tolist()     # ranks 0, 1.5, 1.5
    [0.05, 0.8, 0.8]
    """
    from scipy.stats import rankdata

    mean: Quality = np.sort(np.mean(qualities, axis=0))
    if not len(mean):
        return np.asarray(mean)
    places = rankdata(np.mean(rankdata(qualities, axis=1), axis=0)) - 1
    return np.asarray(np.interp(places, np.arange(len(mean)), mean))


@dataclass(frozen=True)
class Ensemble(Checked, Detector):
    """The mean rank by several detectors.

    Evidence is the mean of theirs but for the given label, whose entry is its quality (`given_first`).

    Attributes:
        members: name -> detector, at least one.
    """

    members: Members = field(default_factory=dict)

    uses_given_label: ClassVar[bool] = True

    @property
    def needs(self) -> Need:
        """Everything that any member needs."""
        return reduce(or_, (member.needs for member in self.members.values()), Need.NOTHING)

    def evidence(self, view: LabelView) -> Floats:
        """Return (N, C) of all members together."""
        evidence = [member.evidence(view) for member in self.members.values()]
        qualities = [
            member.quality(view.labels, one) for member, one in zip(self.members.values(), evidence, strict=True)
        ]
        return given_first(view.labels, by_mean_rank(qualities), np.mean(evidence, axis=0))


def able(members: Mapping[str, Any], view: LabelView) -> dict[str, Any]:
    """Return those members whose arrays are all there."""
    return {name: member for name, member in members.items() if not needed(member, view)}

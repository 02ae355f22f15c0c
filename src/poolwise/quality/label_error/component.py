"""Pictures of one thing that have different labels: at least one of them is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.ranges import Checked, Positive
from poolwise.core.types import Floats, Need
from poolwise.quality.label_error.detectors import Detector, LabelView
from poolwise.quality.label_error.self_confidence import Numbers, Probs, Quality


def component_shares(labels: Numbers, groups: Numbers, probs: Probs, say: float = 1.0) -> Quality:
    """Return the shares of the classes among the other members of a sample's group, with the model as one more member.

    Two members that disagree stand one against one; what the model says decides which of them comes first.

    Args:
        labels: (N,) given class numbers.
        groups: (N,) duplicate groups, -1 for none.
        probs: (N, C), all that counts for a sample that is alone.
        say: how many members the model is worth, above 0.

    Returns:
        (N, C), rows sum to 1.

    >>> probs = np.array([[0.5, 0.5], [0.5, 0.5], [0.25, 0.75], [0.25, 0.75]])
    >>> component_shares(np.array([0, 0, 1, 1]), np.array([7, 7, 7, -1]), probs).round(3).tolist()
    [[0.5, 0.5], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]
    """
    classes = probs.shape[1]
    inside = np.flatnonzero(groups >= 0)
    _, number = np.unique(groups[inside], return_inverse=True)
    held = np.bincount(number * classes + labels[inside], minlength=(number.max(initial=-1) + 1) * classes)
    counts = np.zeros(probs.shape)
    counts[inside] = held.reshape(-1, classes)[number]
    counts[inside, labels[inside]] -= 1
    return np.asarray((counts + say * probs) / (counts.sum(axis=1, keepdims=True) + say))


@dataclass(frozen=True)
class ComponentDisagreement(Checked, Detector):
    """The share of a duplicate group's other members that have the same label; the model's word for a sample alone.

    Attributes:
        say: how many members the model is worth.
    """

    say: Positive = 1.0

    needs: ClassVar[Need] = Need.PROBS | Need.GROUPS

    def evidence(self, view: LabelView) -> Floats:
        """Return (N, C) shares of the classes among the others."""
        assert view.groups is not None
        return component_shares(view.labels, view.groups, view.probs, self.say).astype(np.float32)

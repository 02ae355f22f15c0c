"""One name for each measure of uncertainty that strategies offer as an option, all on the scale 0 to 1."""

from __future__ import annotations

from enum import Enum

import numpy as np

from poolwise.core.types import Floats, Task
from poolwise.query.acquisition import confidence


class Measure(str, Enum):
    """How unsure a model is of a sample; see `acquisition.confidence`."""

    MARGIN = "margin"
    ENTROPY = "entropy"
    LEAST_CONFIDENCE = "least_confidence"


def uncertainty(probs: Floats, measure: Measure, task: Task = Task.MULTICLASS) -> Floats:
    """Return uncertainty in [0, 1], higher is less sure.

    Entropy is divided by its largest possible value, ln C (multi-label: ln 2), so that the measures can be weighed
    against distances in the same way. Least confidence stays as it is: 1 - max p, at most 1 - 1/C.

    Args:
        probs: (N, C) probabilities.
        measure: which.
        task: multi-class or multi-label.

    Returns:
        (N,) float32.

    >>> uncertainty(np.array([[0.5, 0.5], [1.0, 0.0]]), Measure.ENTROPY).tolist()
    [1.0, 0.0]
    >>> uncertainty(np.array([[0.75, 0.25]]), Measure.LEAST_CONFIDENCE).tolist()
    [0.25]
    """
    if measure is Measure.MARGIN:
        return confidence.margin(probs, task)
    if measure is Measure.LEAST_CONFIDENCE:
        return confidence.least_confidence(probs, task)
    most = np.log(2 if task is Task.MULTILABEL else max(2, probs.shape[1]))
    shares: Floats = np.minimum(confidence.entropy(probs, task) / np.float32(most), 1)
    return shares

"""Whether a model is as sure as it is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Labels

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
    """Expected calibration error, in 0..1, lower is better (Guo et al. 2017, equation 3).

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

"""Informativeness of a picture with several labels; higher is queried sooner.

Each takes independent label probabilities q (N, C) and gives (N,) float32. BinMin (Brinker 2006) is the multi-label form
of `confidence.margin`, mean entropy that of `confidence.entropy`. f = 2q - 1 in [-1, 1] stands for the output of a
binary classifier.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Labels
from poolwise.query.acquisition.confidence import by_block, surprise

NARROWEST = 1e-6
"""Separations below this count as equal, so that every score is finite."""

Doubles = NDArray[np.float64]


def max_entropy(probs: Floats) -> Floats:
    """Return the largest binary entropy of any label, in nats; it ranks samples as BinMin does.

    Returns:
        (N,) in [0, ln 2].

    >>> [round(float(score), 3) for score in max_entropy(np.array([[0.5, 1.0], [0.0, 1.0]]))]
    [0.693, 0.0]
    """
    return by_block(probs, lambda q: np.maximum(surprise(q) + surprise(1 - q), 0).max(axis=1))


def cardinality_inconsistency(probs: Floats, mean_count: float) -> Floats:
    """Return | number of labels with q > 1/2 - mean number of labels | (Li and Guo 2013, section 3.2).

    Returns:
        (N,) in [0, C].

    >>> cardinality_inconsistency(np.array([[0.9, 0.8, 0.1], [0.2, 0.6, 0.1]]), 1.5).tolist()
    [0.5, 0.5]
    """
    return by_block(probs, lambda q: np.abs((q > 0.5).sum(axis=1) - mean_count))


def separation(probs: Floats) -> Floats:
    """Return the gap between the least sure predicted label and the least sure absent one: min f+ + min |f-|.

    It is the separation margin of Li and Guo (2013, section 3.1); with all labels predicted, or none, the one side that
    there is.

    Returns:
        (N,) in [0, 2]; small where unsure.

    >>> separation(np.array([[0.75, 1.0, 0.0], [0.25, 0.0, 0.0]])).tolist()
    [1.5, 0.5]
    """
    return by_block(probs, _separation)


def adaptive(probs: Floats, mean_count: float, balance: float) -> Floats:
    """Return (1 / separation)^balance * (inconsistency + 1)^(1 - balance) (Li and Guo 2013, section 3.3).

    Returns:
        (N,), above 0; separations below 1e-6 count as 1e-6.

    >>> adaptive(np.array([[0.625, 0.375, 0.0]]), 4.0, 0.5).tolist()
    [2.8284270763397217]
    """
    narrow = np.maximum(separation(probs), NARROWEST).astype(np.float64)
    inconsistent = cardinality_inconsistency(probs, mean_count).astype(np.float64)
    return np.asarray(narrow**-balance * (inconsistent + 1) ** (1 - balance), dtype=np.float32)


def maximal_loss(probs: Floats, counts: NDArray[np.int64]) -> Floats:
    """Return the expected loss reduction with maximal confidence, MMC (Yang et al. 2009, section 4).

    It is the sum over labels of (1 - y f) / 2. y is +1 for the `counts` most probable labels of a sample and -1 for the others.

    Args:
        probs: (N, C).
        counts: (N,) predicted number of labels of each sample.

    Returns:
        (N,) in [0, C].

    >>> maximal_loss(np.array([[0.75, 0.5, 0.0]]), np.array([1])).tolist()
    [0.75]
    """
    ordered = descending(probs)
    present = np.arange(ordered.shape[1]) < np.asarray(counts)[:, None]
    losses: Floats = np.where(present, 1 - ordered, ordered).sum(axis=1, dtype=np.float32)
    return losses


def predicted_counts(probs: Floats, forecasts: Floats, labels: Labels) -> NDArray[np.int64]:
    """Predict the number of labels of each sample (Yang et al. 2009, section 4.2).

    By logistic regression on the probabilities of a row, sorted and divided by their sum.

    Args:
        probs: (N, C) of the samples.
        forecasts: (L, C) probabilities of labelled samples, predicted before their labels were known, L >= 1.
        labels: (L, C) their labels, 0 or 1.

    Returns:
        (N,) counts that occur among the labelled samples.
    """
    counts = np.asarray(labels).sum(axis=1, dtype=np.int64)
    if counts.min() == counts.max():
        return np.full(len(probs), counts[0])
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000).fit(_profile(forecasts), counts)
    predicted: NDArray[np.int64] = model.predict(_profile(probs)).astype(np.int64)
    return predicted


def descending(probs: Floats) -> Floats:
    """Return each row sorted, the most probable label first.

    >>> descending(np.array([[0.25, 0.75]])).tolist()
    [[0.75, 0.25]]
    """
    return np.sort(np.asarray(probs), axis=1)[:, ::-1]


def _profile(probs: Floats) -> Floats:
    ordered = descending(probs)
    profile: Floats = ordered / np.maximum(ordered.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return profile


def _separation(q: Doubles) -> Doubles:
    f = 2 * q - 1
    present = np.where(f > 0, f, np.inf).min(axis=1)
    absent = np.where(f > 0, np.inf, -f).min(axis=1)
    return np.where(np.isinf(present), 0, present) + np.where(np.isinf(absent), 0, absent)

"""Estimates of the number of wrong labels, by several rules side by side, each with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolwise.core.types import Floats
from poolwise.quality.label_error.confident_learning import confident_class
from poolwise.quality.label_error.detectors import LabelView
from poolwise.quality.label_error.self_confidence import Numbers, Probs
from poolwise.quality.label_error.transition import triples, wrong_share

LEVEL = 1.6449
"""Standard deviations to either side that hold 90 % of a normal distribution."""
MOST_CLASSES = 20
"""Beyond these the neighbours' labels are too few for as many rates, and the estimate takes its time."""
MOST_SAMPLES = 15_000
"""Drawn for the neighbours' labels; more would only cost time."""


@dataclass(frozen=True)
class Estimate:
    """A number of wrong labels and an interval (90 %) of what it may be by chance, the rule taken for right.

    Attributes:
        count: how many.
        low: lower end.
        high: upper end.
    """

    count: float
    low: float
    high: float


def by_disagreement(labels: Numbers, probs: Probs) -> Estimate:
    """Return labels that are not the most probable class, with a binomial interval.

    >>> by_disagreement(np.array([0, 0, 0, 1]), np.array([[0.9, 0.1]] * 4)).count
    1.0
    """
    return binomial(float((probs.argmax(axis=1) != labels).sum()), len(labels))


def by_confident_joint(labels: Numbers, probs: Floats, rng: np.random.Generator, draws: int = 100) -> Estimate:
    """Return what lies off the diagonal of the confident joint, with an interval by resampling, thresholds fixed."""
    classes = probs.shape[1]
    if not len(labels):
        return Estimate(0.0, 0.0, 0.0)
    codes = labels * (classes + 1) + confident_class(labels, probs) + 1
    kinds, counts = np.unique(codes, return_counts=True)
    share = _off_diagonal(kinds, counts.astype(float), classes)
    again = [
        _off_diagonal(kinds, rng.multinomial(len(labels), counts / len(labels)).astype(float), classes)
        for _ in range(draws)
    ]
    return _around(share, float(np.std(again)), len(labels))


def _off_diagonal(kinds: Numbers, counts: np.ndarray[tuple[int], np.dtype[np.float64]], classes: int) -> float:
    """Return it from counts by given label and confident class (0: none): as `confident_joint`, without the matrix."""
    given, sure = kinds // (classes + 1), kinds % (classes + 1) - 1
    size = np.bincount(given, weights=counts, minlength=classes)
    same = np.bincount(given, weights=counts * (sure == given), minlength=classes)
    other = np.bincount(given, weights=counts * ((sure >= 0) & (sure != given)), minlength=classes)
    return float((size * other / (other + np.maximum(same, 1))).sum())


def by_transition(view: LabelView, rng: np.random.Generator) -> Estimate:
    """Estimate by labels of nearest neighbours alone; `view` has embeddings and its classes are few."""
    assert view.embeddings is not None
    count, rows = len(view.labels), np.arange(len(view.labels))
    if count > MOST_SAMPLES:
        rows = np.sort(rng.choice(count, MOST_SAMPLES, replace=False))
    groups = None if view.groups is None else view.groups[rows]
    kinds = triples(view.labels[rows], view.embeddings[rows], view.probs.shape[1], groups)
    share, low, high = wrong_share(*kinds, rng)
    return Estimate(count * share, count * low, count * high)


def estimates(view: LabelView, evidence: Floats, planted: Estimate, rng: np.random.Generator) -> dict[str, Estimate]:
    """Return all that can be had: "planted", "confident_joint", "disagreement"; with embeddings and few classes "transition"."""
    by_name = {
        "planted": planted,
        "confident_joint": by_confident_joint(view.labels, evidence, rng),
        "disagreement": by_disagreement(view.labels, evidence),
    }
    if view.embeddings is not None and 1 < evidence.shape[1] <= MOST_CLASSES:
        by_name["transition"] = by_transition(view, rng)
    return by_name


def binomial(count: float, most: int) -> Estimate:
    """Return a count out of `most` that chance alone makes vary.

    >>> found = binomial(50.0, 100)
    >>> round(found.low, 1), round(found.high, 1)
    (41.7, 58.3)
    """
    return _around(count, float(np.sqrt(count * (1 - count / max(1, most)) + 0.25)), most)


def _around(count: float, deviation: float, most: int) -> Estimate:
    return Estimate(count, max(0.0, count - LEVEL * deviation), min(float(most), count + LEVEL * deviation))

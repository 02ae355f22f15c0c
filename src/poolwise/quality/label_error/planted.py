"""Planted errors: known labels changed on purpose, to see how they score and so how many real ones there are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poolwise.core.types import Floats
from poolwise.quality.label_error.self_confidence import Numbers, Quality

DISPUTED = float(np.nextafter(0.5, 0))
"""Qualities up to this say that another label has more for it; evidence that says less counts no errors."""
Judge = Callable[[Numbers], Quality]
"""Quality (N,) of other labels (N,) for the same samples, from the same probabilities and neighbours."""


def confusions(labels: Numbers, probs: Floats) -> Quality:
    """Return (C, C) how often the model takes a class (row) for another: mean probabilities, rows sum to 1, diagonal 0.

    A class that is never taken for another, or has no sample, is taken for all alike.

    >>> confusions(np.array([0, 1, 2]), np.array([[0.6, 0.3, 0.1], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6]])).round(2).tolist()
    [[0.0, 0.75, 0.25], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
    """
    classes = probs.shape[1]
    mass = np.stack([np.bincount(labels, weights=probs[:, k], minlength=classes) for k in range(classes)], axis=1)
    np.fill_diagonal(mass, 0)
    even = (1 - np.eye(classes)) / max(1, classes - 1)
    total = mass.sum(axis=1, keepdims=True)
    np.divide(mass, total, out=mass, where=total > 0)
    return np.asarray(np.where(total > 0, mass, even))


def flipped(labels: Numbers, towards: Quality, rng: np.random.Generator) -> Numbers:
    """Return (N,) another label for each, drawn by the row of (C, C) `towards` that belongs to the given one.

    >>> flipped(np.array([0, 1]), np.array([[0.0, 1.0], [1.0, 0.0]]), np.random.default_rng(0)).tolist()
    [1, 0]
    """
    steps = towards.cumsum(axis=1)
    steps /= steps[:, -1:]
    return np.asarray((steps[labels] <= rng.random(len(labels))[:, None]).sum(axis=1), dtype=np.int64)


def plant(labels: Numbers, share: float, towards: Quality, rng: np.random.Generator) -> Numbers:
    """Change the same share of the labels (N,) of every class, as in labelfix's protocol.

    Args:
        labels: (N,) class numbers.
        share: of each class, in [0, 1]; rounded to whole samples.
        towards: (C, C) to which classes; rows sum to 1, diagonal 0.
        rng: of all draws.
    """
    changed = labels.copy()
    for given in range(len(towards)):
        rows = np.flatnonzero(labels == given)
        some = rng.choice(rows, round(share * len(rows)), replace=False)
        changed[some] = flipped(labels[some], towards, rng)
    return changed


def planted_quality(
    labels: Numbers, towards: Quality, rng: np.random.Generator, judge: Judge, *, draws: int = 3
) -> Quality:
    """Return (draws * N,) qualities of errors planted at every label in turn, ascending.

    A changed row is judged as if it alone had come so; `judge` must not let it speak for itself.
    """
    return np.sort(np.concatenate([judge(flipped(labels, towards, rng)) for _ in range(draws)]))


def expected_count(
    judge: Judge, labels: Numbers, towards: Quality, rng: np.random.Generator, *, draws: int = 3
) -> tuple[float, float, float]:
    """Return how many labels are wrong, by how planted errors score.

    Every label in turn is changed, and judged as if it had come so. Half of such errors score below their median; so do
    half of the real ones, as far as they are of the same shape, and hardly a right label. Twice the number below the
    median is the count. Right labels that the model doubts as much count too, so many ambiguous samples make it too high.

    Args:
        judge: quality of labels, below one half where the evidence speaks for another one.
        labels: (N,) given ones.
        towards: (C, C) shape of the errors; rows sum to 1, diagonal 0.
        rng: of the changes.
        draws: changes of each label.

    Returns:
        The count, and an interval around it: from the least to the largest count by median and quartiles, widened by the
        chance in the number found (90 %). That shapes differ from real errors' is not in it.
    """
    return count_by(judge(labels), planted_quality(labels, towards, rng, judge, draws=draws))


def count_by(quality: Quality, planted: Quality) -> tuple[float, float, float]:
    """Return the count and its interval, from qualities of labels (N,) and of planted errors (P,), ascending, P > 0.

    No more than N, and the count lies in the interval.

    >>> count_by(np.array([0.1, 0.2, 0.8, 0.9, 0.9]), np.array([0.1, 0.2, 0.3, 0.4]))[0]      # two below the median: half
    4.0
    """
    counts, spreads = [], []
    for part in (0.5, 0.25, 0.75):
        bar = min(planted[int(part * (len(planted) - 1))], DISPUTED)
        below, share = float((quality <= bar).sum()), float((planted <= bar).mean())
        counts.append(below / share if share else 0.0)
        spreads.append(1.6449 * np.sqrt(below + 1) / (share or 1 / len(planted)))
    low, high = min(counts) - spreads[0], max(counts) + spreads[0]
    most = float(len(quality))
    return min(counts[0], most), min(max(0.0, low), most), min(high, most)

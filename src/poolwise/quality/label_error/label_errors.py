"""The result of a search for label errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from poolwise.core.types import Labels
from poolwise.quality.label_error.choice import PlantedScore
from poolwise.quality.label_error.estimates import Estimate
from poolwise.quality.label_error.self_confidence import Numbers, Quality


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """Labels from the most suspicious on, and how many of them are probably wrong.

    Attributes:
        ranking: (N,) ids, most suspicious first; with a budget the first of them, (B,).
        quality: (N,) label quality in [0, 1] by id; lower is worse.
        suggested: (N,) the class that the evidence speaks for most, by id; the given label where it agrees. Several labels a
            sample: (N, C) of 0 and 1, the given ones but for those that the evidence speaks against.
        probability: (N,) share of the evidence for the suggested class, in [0, 1]; of several for the least sure.
        count: how many labels of all are probably wrong; of several labels a sample, how many samples have a wrong one.
        count_interval: lower and upper end. Where the model takes right labels for wrong in heaps, ambiguous classes
            above all, both are too high.
        estimates: the count by other rules, beside it, each with an interval (90 %) of its own: "planted" (`count`),
            "confident_joint" (off its diagonal), "disagreement" (labels that are not the most probable class) and, with
            embeddings and up to 20 classes, "transition" (neighbours' labels alone). Real errors often sit on ambiguous
            samples: "planted" is too low then; a model's own errors, and classes that overlap, make the others too high.
        expected: (N,) how many wrong ones the first 1, 2, ... of the whole ranking are expected to hold; never falls.
        method: name of the detector.
        by_class: (N, C) quality of each label, where a sample has several; else None.
        comparison: how well each detector found planted errors, where that chose the detector; else empty.
    """

    ranking: Numbers
    quality: Quality
    suggested: Labels
    probability: Quality
    count: float
    count_interval: tuple[float, float]
    estimates: Mapping[str, Estimate]
    expected: Quality
    method: str
    by_class: Quality | None = None
    comparison: tuple[PlantedScore, ...] = ()

    def review(self, size: int) -> str:
        """Say what to expect of reviewing the first `size`, in one sentence.

        >>> found = LabelErrors(np.array([1, 0]), np.array([.9, .1]), np.array([0, 1]), np.array([.9, .8]),
        ...                     0.8, (0.1, 1.4), {}, np.array([0.7, 0.8]), "auto")
        >>> found.review(1)
        'review these 1; about 1 will be wrong (90 % interval 0 to 1)'
        """
        return review_sentence(self.expected, self.count, self.count_interval, size)


def review_sentence(expected: Quality, count: float, interval: tuple[float, float], size: int) -> str:
    """Say what to expect of reviewing the first `size` of a ranking; see `LabelErrors` for the rest."""
    size = max(0, min(size, len(expected)))
    mean = float(expected[size - 1]) if size else 0.0
    share = mean / size if size else 0.0
    scale = [end / count if count else 1.0 for end in interval]
    spread = 1.6449 * np.sqrt(size * share * (1 - share) + 0.25)
    low, high = max(0.0, mean * min(1.0, scale[0]) - spread), min(float(size), mean * max(1.0, scale[1]) + spread)
    return f"review these {size}; about {mean:.0f} will be wrong (90 % interval {low:.0f} to {high:.0f})"


def expected_errors(ranked: Quality, planted: Quality, count: float) -> Quality:
    """Return (N,) how many wrong ones the first 1, 2, ... of a ranking hold, if errors score as planted ones do.

    Args:
        ranked: (N,) qualities, ascending.
        planted: (P,) qualities of planted errors, ascending.
        count: wrong ones in all.

    >>> expected_errors(np.array([0.1, 0.3, 0.9]), np.array([0.0, 0.2, 0.2, 0.5]), 2).tolist()
    [0.5, 1.5, 2.0]
    """
    shares = np.searchsorted(planted, ranked, side="right") / max(1, len(planted))
    return np.asarray(np.minimum(count * shares, np.arange(1, len(ranked) + 1)), dtype=np.float64)


def expected_in(order: Numbers, expected: Quality, first: Numbers) -> Quality:
    """Return (N,) how many wrong ones the first 1, 2, ... of another `order` hold.

    Args:
        order: (N,) ids.
        expected: (N,) what is known of the ranking `first`, never falling.
        first: (N,) ids.

    >>> expected_in(np.array([2, 0, 1]), np.array([0.75, 1.0, 1.0]), np.array([0, 2, 1])).tolist()
    [0.25, 1.0, 1.0]
    """
    each = np.empty(len(order))
    each[first] = np.diff(expected, prepend=0.0)
    return np.asarray(np.minimum(each[order].cumsum(), np.arange(1, len(order) + 1)))

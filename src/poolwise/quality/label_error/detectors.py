"""Detectors of label errors, each of two halves: what speaks for each class, and how good the given label is by that.

A detector is a frozen dataclass with `needs`, `evidence(view)` and `quality(labels, evidence)`. Evidence is (N, C), rows
sum to 1, and does not depend on the label of its own row: so that other labels can be judged by it, too. Where that is not
to be had (`given_first`), the entry of the given label is its quality, and the rest is shared out among the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, ClassVar, Protocol

import numpy as np
from annotated_types import Interval

from poolwise.core.interfaces import hook
from poolwise.core.ranges import Checked, Count, Share
from poolwise.core.types import Floats, Need
from poolwise.quality.label_error.confident_learning import Prune, flagged
from poolwise.quality.label_error.neighbour_vote import neighbour_shares
from poolwise.quality.label_error.self_confidence import (
    Numbers,
    Probs,
    Quality,
    normalised_margin,
    odds,
    self_confidence,
    tempered_odds,
    weighted_entropy,
)


@dataclass(frozen=True, eq=False)
class LabelView:
    """Everything a detector may look at: checked arrays.

    Attributes:
        labels: (N,) given class numbers.
        probs: (N, C) out-of-sample probabilities.
        embeddings: (N, D), or None.
        groups: (N,) duplicate groups, -1 for none; or None.
        margins: (N,) area under the margin of the given label in training; or None.
    """

    labels: Numbers
    probs: Floats
    embeddings: Floats | None = None
    groups: Numbers | None = None
    margins: Quality | None = None


class Detector(Protocol):
    """Judges labels, from arrays alone."""

    @property
    def needs(self) -> Need:
        """PROBS, EMBEDDINGS, GROUPS, MARGINS; a class attribute will do."""

    @property
    @hook
    def uses_given_label(self) -> bool:
        """True where a row's given label is part of its evidence, which then cannot tell how many labels are wrong."""
        return bool(getattr(self, "own_say", False))  # as a user's own detectors of version 0.1 call it

    def evidence(self, view: LabelView) -> Floats:
        """Return (N, C) what speaks for each class, without the row's own label; rows sum to 1."""

    @hook
    def quality(self, labels: Numbers, evidence: Floats) -> Quality:
        """Return (N,) quality of labels in [0, 1], lower is worse: the evidence for the label."""
        return self_confidence(labels, evidence)

    @hook
    def choose(self, view: LabelView) -> tuple[Detector, Any]:
        """Return the detector that is to judge these labels, and what it was compared with if it was chosen."""
        return self, None


class Measure(str, Enum):
    """A quality from probabilities alone."""

    SELF_CONFIDENCE = "self_confidence"
    NORMALISED_MARGIN = "normalised_margin"
    WEIGHTED_ENTROPY = "weighted_entropy"
    ODDS = "odds"
    TEMPERED_ODDS = "tempered_odds"


MEASURES: Mapping[Measure, Callable[[Numbers, Floats], Quality]] = {
    Measure.SELF_CONFIDENCE: self_confidence,
    Measure.NORMALISED_MARGIN: normalised_margin,
    Measure.WEIGHTED_ENTROPY: weighted_entropy,
    Measure.ODDS: odds,
    Measure.TEMPERED_ODDS: tempered_odds,
}


@dataclass(frozen=True)
class ByProbability(Detector):
    """One measure of the probabilities. labelfix is `self_confidence`, out-of-sample where the probabilities are."""

    measure: Measure = Measure.ODDS

    needs: ClassVar[Need] = Need.PROBS

    def evidence(self, view: LabelView) -> Floats:
        """Return the probabilities as they are."""
        return view.probs

    def quality(self, labels: Numbers, evidence: Floats) -> Quality:
        """Return (N,) by the measure."""
        return MEASURES[self.measure](labels, evidence)


@dataclass(frozen=True)
class ConfidentLearning(Detector):
    """Labels that confident learning prunes come first, each part by self-confidence (Northcutt et al. 2021).

    A pruned label has a quality below one half, any other one above.
    """

    prune: Prune = Prune.BY_NOISE_RATE

    needs: ClassVar[Need] = Need.PROBS

    def evidence(self, view: LabelView) -> Floats:
        """Return the probabilities as they are."""
        return view.probs

    def quality(self, labels: Numbers, evidence: Floats) -> Quality:
        """Return (N,) half the self-confidence where the label is pruned, half of one and it elsewhere."""
        pruned = flagged(labels, evidence, self.prune)
        return np.asarray((self_confidence(labels, evidence) + ~pruned) / 2)


@dataclass(frozen=True)
class NeighbourVote(Checked, Detector):
    """The share of the nearest neighbours, weighed by cosine, that has the same label; a duplicate group votes once.

    Attributes:
        neighbours: how many vote.
    """

    neighbours: Count = 15

    needs: ClassVar[Need] = Need.EMBEDDINGS

    def evidence(self, view: LabelView) -> Floats:
        """Return (N, C) shares of the classes among the neighbours."""
        assert view.embeddings is not None
        return neighbour_shares(view.labels, view.embeddings, view.probs.shape[1], self.neighbours, view.groups)

    def quality(self, labels: Numbers, evidence: Floats) -> Quality:
        """Return (N,) share of the given label; half a vote is spread over all classes, so that none is impossible."""
        even = 0.5 / evidence.shape[1]
        return self_confidence(labels, (self.neighbours * evidence + even) / (self.neighbours + 0.5))


@dataclass(frozen=True)
class Auto(Checked, Detector):
    """Odds of the given label, by the model and its neighbours together where there are embeddings, by the model without.

    Attributes:
        neighbours: how many vote.
        weight: of their vote against the model's probabilities, in [0, 1].
        floor: added to every class where neighbours have a say: their shares come in fifteenths.
    """

    neighbours: Count = 15
    weight: Share = 0.5
    floor: Annotated[float, Interval(ge=0, lt=1)] = 1e-3

    needs: ClassVar[Need] = Need.PROBS

    def evidence(self, view: LabelView) -> Floats:
        """Return (N, C) the mean of probabilities and neighbours' shares, or the probabilities."""
        if view.embeddings is None or not self.weight:
            return view.probs
        shares = neighbour_shares(view.labels, view.embeddings, view.probs.shape[1], self.neighbours, view.groups)
        shares *= np.float32(self.weight)
        shares += np.float32(1 - self.weight) * view.probs
        shares += np.float32(self.floor)
        shares /= np.float32(1 + shares.shape[1] * self.floor)
        return shares

    def quality(self, labels: Numbers, evidence: Floats) -> Quality:
        """Return (N,) odds of the given label."""
        return odds(labels, evidence)


def given_first(labels: Numbers, quality: Quality, others: Probs) -> Floats:
    """Return (N, C) evidence: the quality for the given label; what is left is shared out as `others` have it.

    For detectors in which a label speaks for itself, so that the same evidence cannot tell how good another one is.

    >>> given_first(np.array([0]), np.array([0.5]), np.array([[0.2, 0.6, 0.2]])).round(3).tolist()
    [[0.5, 0.375, 0.125]]
    """
    rest = np.array(others, dtype=np.float64)
    rows = np.arange(len(labels))
    rest[rows, labels] = 0
    total = rest.sum(axis=1)
    even = np.full(rest.shape[1], 1 / max(1, rest.shape[1] - 1))
    rest[total <= 0] = even
    rest[rows, labels] = 0
    rest *= ((1 - quality) / np.where(total > 0, total, 1))[:, None]
    rest[rows, labels] = quality if rest.shape[1] > 1 else 1.0
    return rest.astype(np.float32)


def needed(detector: Any, view: LabelView) -> list[str]:
    """Return the names of the arrays that a detector needs and the view lacks."""
    wanted = {
        Need.EMBEDDINGS: (view.embeddings, "embeddings (N, D)"),
        Need.GROUPS: (view.groups, "groups (N,)"),
        Need.MARGINS: (view.margins, "margins (N,)"),
    }
    return [text for need, (array, text) in wanted.items() if need in detector.needs and array is None]

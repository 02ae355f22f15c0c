"""SimiFeat: the neighbours and the sample itself vote on its label, many times over (Zhu, Dong and Liu 2022). No model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Interval
from numpy.typing import NDArray

from poolwise.core.ranges import Checked, Count
from poolwise.core.seeds import generator
from poolwise.core.types import Floats, Need
from poolwise.quality.label_error.detectors import Detector, LabelView, given_first
from poolwise.quality.label_error.neighbour_vote import counted, voters
from poolwise.quality.label_error.self_confidence import Numbers, Quality, self_confidence
from poolwise.quality.label_error.transition import estimated, triples

SPARE = 2
"""Neighbours looked up, for each one that may vote: a draw leaves some out."""
LEAST, MOST = 0.05, 0.95
"""Ends of the share of a class that ranking calls wrong, as in their code."""


class Mode(str, Enum):
    """By majority of the neighbours, or by rank within the given class."""

    VOTE = "vote"
    RANK = "rank"


@dataclass(frozen=True, eq=False)
class Polls:
    """Neighbours of every sample, from which draws leave some out.

    Attributes:
        which: (N, k) nearest others, nearest first.
        cosines: (N, k) their weights; 0 for no vote.
    """

    which: Numbers
    cosines: Quality


def polls(labels: Numbers, embeddings: Floats, k: int, groups: Numbers | None = None) -> Polls:
    """Return twice as many neighbours as may vote, of each sample."""
    parts = [(which, weights) for _, which, weights in voters(labels, embeddings, SPARE * k, groups)]
    if not parts:
        return Polls(np.zeros((len(labels), 1), dtype=np.int64), np.zeros((len(labels), 1)))
    return Polls(np.concatenate([which for which, _ in parts]), np.concatenate([weights for _, weights in parts]))


def votes(labels: Numbers, asked: Polls, there: NDArray[np.bool_], classes: int, k: int) -> tuple[Quality, Quality]:
    """Return (N, C) votes of the k nearest others that are `there` (N,), and (N,) that of the sample itself.

    A neighbour at distance d = 1 - cosine votes with 1 - d. The sample stands where the two nearest point to, at
    2 d1 - d2 (their section 3.2 and code); with fewer than two neighbours at distance 0.

    >>> asked = Polls(np.array([[1, 2]] * 3), np.array([[0.75, 0.5]] * 3))
    >>> others, own = votes(np.array([0, 1, 1]), asked, np.ones(3, dtype=bool), 2, 2)
    >>> others[0].tolist(), own[0].item()                    # 2 * 0.25 - 0.5 = 0
    ([0.0, 1.25], 1.0)
    """
    weights = np.where(there[asked.which], asked.cosines, 0.0)
    weights[np.cumsum(weights > 0, axis=1) > k] = 0
    order = np.argsort(weights <= 0, axis=1, kind="stable")[:, :2]
    nearest = np.take_along_axis(weights, order, axis=1)
    own = np.ones(len(labels))
    if nearest.shape[1] == 2:
        two = (nearest > 0).all(axis=1)
        own[two] = np.clip(2 * nearest[two, 0] - nearest[two, 1], 0, 1)
    return counted(labels[asked.which], weights, classes), own


def flagged_by_vote(labels: Numbers, soft: Quality) -> NDArray[np.bool_]:
    """Return (N,) whether another class has more votes (N, C) than the given one.

    >>> flagged_by_vote(np.array([0, 0]), np.array([[0.6, 0.8], [0.8, 0.6]])).tolist()
    [True, False]
    """
    return np.asarray(self_confidence(labels, soft) < soft.max(axis=1, initial=0))


def flagged_by_rank(labels: Numbers, soft: Quality, shares: Quality) -> NDArray[np.bool_]:
    """Return (N,) whether a label is in the share (C,) of its class with fewest votes (N, C), ties included.

    What is unanimous is never called wrong.

    >>> soft = np.array([[1.0, 0.0], [0.6, 0.8], [0.8, 0.6], [0.0, 1.0]])
    >>> flagged_by_rank(np.array([0, 0, 0, 1]), soft, np.array([0.33, 0.05])).tolist()
    [False, True, False, False]
    """
    own, low = self_confidence(labels, soft), np.zeros(len(labels), dtype=np.bool_)
    for label in range(soft.shape[1]):
        rows = np.flatnonzero(labels == label)
        if count := round(float(shares[label]) * len(rows)):
            low[rows] = own[rows] <= np.partition(own[rows], count - 1)[count - 1]
    return np.asarray(low & (own < 1 - 1e-9))


@dataclass(frozen=True)
class SimiFeat(Checked, Detector):
    """The share of draws of neighbours in which a label is not called wrong; ties go by how many votes it has.

    A quality below one half is a majority of the draws. **Here a label speaks for itself**: its own vote is among those
    counted, so the quality of another one is read off what the given one leaves (`given_first`). Every draw leaves out a
    part of the neighbours and judges all samples (theirs leaves samples out of both, and pictures are changed anew); the
    transition is estimated once, from all.

    Attributes:
        mode: "vote", or "rank": the share of each class that the transition says is wrong.
        neighbours: how many vote, the sample among them.
        draws: how often.
        share: of the samples that may vote in a draw.
        seed: of the draws.
    """

    mode: Mode = Mode.VOTE
    neighbours: Annotated[int, Ge(2)] = 10
    draws: Count = 21
    share: Annotated[float, Interval(gt=0, le=1)] = 0.9
    seed: int = 0

    needs: ClassVar[Need] = Need.EMBEDDINGS
    uses_given_label: ClassVar[bool] = True

    def evidence(self, view: LabelView) -> Floats:
        """Return (N, C) the quality for the given label; the rest by the votes of the neighbours."""
        labels, classes = view.labels, view.probs.shape[1]
        kept, support, others = np.zeros(len(labels)), np.zeros(len(labels)), np.zeros(view.probs.shape)
        cuts = self._cuts(view) if self.mode is Mode.RANK else np.zeros(classes)
        for ballot, own in self._ballots(view):
            others += ballot
            ballot[np.arange(len(labels)), labels] += own
            lengths = np.sqrt((ballot**2).sum(axis=1, keepdims=True))
            soft = np.divide(ballot, lengths, out=np.zeros_like(ballot), where=lengths > 0)
            wrong = flagged_by_rank(labels, soft, cuts) if self.mode is Mode.RANK else flagged_by_vote(labels, soft)
            kept += ~wrong
            support += self_confidence(labels, soft) / self.draws
        return given_first(labels, (kept + 0.5 + np.clip(support, 0, 1)) / (self.draws + 2), others)

    def _ballots(self, view: LabelView) -> Iterator[tuple[Quality, Quality]]:
        assert view.embeddings is not None
        asked = polls(view.labels, view.embeddings, self.neighbours - 1, view.groups)
        rng = generator(self.seed, 0, "simifeat")
        for _ in range(self.draws):
            there = rng.random(len(view.labels)) < self.share
            yield votes(view.labels, asked, there, view.probs.shape[1], self.neighbours - 1)

    def _cuts(self, view: LabelView) -> Quality:
        assert view.embeddings is not None
        transition = estimated(*triples(view.labels, view.embeddings, view.probs.shape[1], view.groups))
        return np.asarray(np.clip(1 - transition.true_of_given().diagonal(), LEAST, MOST))

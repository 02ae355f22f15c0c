"""Facts of each annotator: quality, agreement, number of votes, and the class they get wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Labels
from poolwise.quality.consensus.agreement import annotator_agreement
from poolwise.quality.consensus.votes import votes_each
from poolwise.quality.consensus.weights import Weights

Doubles = NDArray[np.float64]


def annotator_table(
    votes: Labels, labels: Labels, own: Doubles, weights: Weights, classes: int
) -> Mapping[str, NDArray[Any]]:
    """Return columns of (A,): `quality`, `agreement` with the labels, `votes` cast, `worst_class`; see the functions here."""
    return {
        "quality": annotator_quality(votes, labels, own, weights),
        "agreement": annotator_agreement(votes, labels),
        "votes": np.asarray((votes >= 0).sum(axis=0), dtype=np.int64),
        "worst_class": worst_class(votes, labels, classes),
    }


def annotator_quality(votes: Labels, labels: Labels, own: Doubles, weights: Weights) -> Doubles:
    """Return how good each annotator is: the posterior of their votes and their agreement with the labels (CROWDLAB).

    lambda (mean posterior of their votes) + (1 - lambda) (agreement with the labels), where lambda = w_M / (w_M + mean
    weight of annotators times mean votes a sample). Agreement counts samples with two votes or more; who voted on none
    of these has the mean posterior alone.

    Args:
        votes: (N, A) class numbers, -1 for no vote.
        labels: (N,) class numbers.
        own: (A,) mean posterior of each annotator's votes.
        weights: as measured against the labels.

    Returns:
        (A,) in [0, 1], lower is worse; 0 for who did not vote, for whom nothing speaks.

    >>> weights = Weights(np.array([1.0, 1.0]), 2.0, 0.75, 0.25)  # lambda = 2 / (2 + 1 * 2)
    >>> annotator_quality(np.array([[0, 0], [1, 0]]), np.array([0, 1]), np.array([0.75, 0.5]), weights).tolist()
    [0.875, 0.5]
    """
    voices = votes_each(votes)
    met, voted = votes[voices > 1], (votes >= 0).any(axis=0)
    people = weights.annotators[voted].mean() * voices[voices > 0].mean()
    share = weights.model / (weights.model + people)
    mixed = share * own + (1 - share) * annotator_agreement(met, labels[voices > 1])
    return np.asarray(np.where((met >= 0).any(axis=0), mixed, own), dtype=np.float64)


def worst_class(votes: Labels, labels: Labels, classes: int) -> NDArray[np.int64]:
    """Return the class an annotator votes for that is least often the label; of equal ones the most voted, the lowest.

    Returns:
        (A,) class numbers; -1 for who never voted against a label, or not at all.

    >>> worst_class(np.array([[0, 0, -1], [1, 1, -1], [1, 0, -1]]), np.array([0, 1, 0]), 2).tolist()
    [1, -1, -1]
    """
    worst = np.full(votes.shape[1], -1, dtype=np.int64)
    for who in range(votes.shape[1]):
        cast = np.flatnonzero(votes[:, who] >= 0)
        what = votes[cast, who].astype(np.int64, copy=False)
        cast_for = np.bincount(what, minlength=classes)
        right = np.bincount(what[what == labels[cast]], minlength=classes) / np.maximum(cast_for, 1)
        if len(cast) and (right[cast_for > 0] < 1).any():
            worst[who] = np.where((cast_for > 0) & (right == right[cast_for > 0].min()), cast_for, -1).argmax()
    return worst

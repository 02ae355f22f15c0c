"""Labels from votes and a model together, and how sure they are (CROWDLAB; the paper is named in `weights.py`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Labels
from poolwise.quality.consensus.agreement import peer_agreement
from poolwise.quality.consensus.majority import majority_vote
from poolwise.quality.consensus.votes import Ballots, ballots, votes_each
from poolwise.quality.consensus.weights import Weights, weigh

ROUNDING = 1e-12
"""Posteriors nearer than this are equal: sums of the same weights in another order differ by 1e-16."""

Doubles = NDArray[np.float64]


def crowdlab(votes: Labels, classes: int, probs: Floats | None = None) -> tuple[Labels, Weights]:
    """Return the class with the highest posterior, from weights measured against the majority vote; then weights anew.

    Ties go to the majority vote. Where no sample has two votes the vote is the label: nothing speaks against it but a
    model that has not been checked.

    Args:
        votes: (N, A) class numbers, -1 for no vote.
        classes: C.
        probs: (N, C) probabilities, out of sample; without them annotators alone are weighed.

    Returns:
        Labels (N,) int64, without a vote the model's class or -1; and the weights measured against these labels.

    >>> votes = np.array([[0, 0, 0], [0, 0, 1], [1, 1, 1], [1, 1, 1], [-1, 0, 1]])
    >>> crowdlab(votes, 2)[0].tolist()  # the last one is a tie of votes; the second annotator is the better one
    [0, 0, 1, 1, 0]
    """
    usual = majority_vote(votes, classes, probs)
    peers = peer_agreement(votes, classes)
    labels = likeliest(votes, usual, weigh(votes, usual, peers, classes, probs), classes, probs)
    if votes_each(votes).max(initial=0) < 2:
        labels = np.where(usual >= 0, usual, labels)
    return labels, weigh(votes, labels, peers, classes, probs)


def posterior(block: Ballots, weights: Weights, probs: Floats | None = None) -> Doubles:
    """Return the mean of the model's probabilities and of what each vote says, by their weights.

    A vote for c says a of class c and b of every other one: [w_M p(k) + sum_m w_m (a if k = c_m else b)] / [w_M + sum_m w_m].

    Returns:
        (n, C) in [0, 1]; the model's probabilities where nobody voted, 0 where there is no model either.

    >>> block, = ballots(np.array([[0, 0, 1]]), 2)
    >>> weights = Weights(np.array([0.5, 0.5, 1.0]), 2.0, 0.75, 0.25)
    >>> posterior(block, weights, np.array([[0.25, 0.75]])).tolist()  # (2/4 + 3/8 + 3/8 + 1/4) / 4
    [[0.375, 0.625]]
    """
    table = (weights.right - weights.wrong) * block.tally(weights.annotators)
    voices = block.voices(weights.annotators)
    table += weights.wrong * voices[:, None]
    if probs is not None:
        table += weights.model * probs[block.rows]
    total = voices + weights.model
    return np.asarray(table / np.where(total > 0, total, 1)[:, None], dtype=np.float64)


def likeliest(votes: Labels, usual: Labels, weights: Weights, classes: int, probs: Floats | None = None) -> Labels:
    """Return (N,) class with the highest posterior; `usual` (N,) where it is as high; -1 without a vote and a model.

    >>> weights = Weights(np.ones(2), 0.0, 0.75, 0.25)
    >>> likeliest(np.array([[0, 1], [1, 1], [-1, -1]]), np.array([1, 1, -1]), weights, 2).tolist()
    [1, 1, -1]
    """
    labels = np.empty(len(votes), dtype=np.int64)
    for block in ballots(votes, classes):
        table, kept = posterior(block, weights, probs), usual[block.rows]
        high = table >= table.max(axis=1, keepdims=True) - ROUNDING
        stays = (kept >= 0) & high[np.arange(len(high)), kept]
        labels[block.rows] = np.where(stays, kept, high.argmax(axis=1))
    return labels if probs is not None else np.where(usual >= 0, labels, -1)


def qualities(
    votes: Labels, labels: Labels, weights: Weights, classes: int, probs: Floats | None = None
) -> tuple[Floats, Doubles]:
    """Return the posterior of each label, and its mean over the votes of each annotator.

    Returns:
        (N,) float32 in [0, 1], lower is worse, 0 where the label is -1; and (A,) in [0, 1], 0 for who did not vote.

    >>> weights = Weights(np.array([1.0, 0.5]), 0.0, 0.75, 0.25)
    >>> found = qualities(np.array([[0, 0], [1, -1], [-1, -1]]), np.array([0, 1, -1]), weights, 2)
    >>> found[0].tolist(), found[1].tolist()
    ([0.75, 0.75, 0.0], [0.75, 0.75])
    """
    quality, own = np.zeros(len(votes), dtype=np.float32), np.zeros(votes.shape[1])
    for block in ballots(votes, classes):
        # a mean by rounded weights may leave 1 by a hair
        table, label = np.clip(posterior(block, weights, probs), 0, 1), labels[block.rows]
        quality[block.rows] = np.where(label >= 0, table[np.arange(len(table)), label], 0)
        own += np.bincount(block.who, table[block.row, block.what], minlength=len(own))
    return quality, own / np.maximum((votes >= 0).sum(axis=0), 1)

"""Agreement of annotators: on a sample, with the labels, with one another, and beyond chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Labels
from poolwise.quality.consensus.votes import ballots, votes_each

Doubles = NDArray[np.float64]


def sample_agreement(votes: Labels, labels: Labels) -> Doubles:
    """Return the share of a sample's votes that are for its label.

    Args:
        votes: (N, A) class numbers, -1 for no vote.
        labels: (N,) class numbers.

    Returns:
        (N,) in [0, 1]; 0 where nobody voted, 1 where the only vote is for the label.

    >>> sample_agreement(np.array([[1, 1, 0, 1], [2, -1, -1, -1], [-1, -1, -1, -1]]), np.array([1, 2, -1])).tolist()
    [0.75, 1.0, 0.0]
    """
    right = (votes >= 0) & (votes == labels[:, None])
    return np.asarray(right.sum(axis=1) / np.maximum(votes_each(votes), 1), dtype=np.float64)


def annotator_agreement(votes: Labels, labels: Labels) -> Doubles:
    """Return the share of an annotator's votes that are for the label of their sample.

    Args:
        votes: (N, A) class numbers, -1 for no vote.
        labels: (N,) class numbers.

    Returns:
        (A,) in [0, 1]; 0 for who did not vote.

    >>> annotator_agreement(np.array([[1, 0, -1], [2, 2, -1]]), np.array([1, 2])).tolist()
    [1.0, 0.5, 0.0]
    """
    right = (votes >= 0) & (votes == labels[:, None])
    return np.asarray(right.sum(axis=0) / np.maximum((votes >= 0).sum(axis=0), 1), dtype=np.float64)


def peer_agreement(votes: Labels, classes: int) -> Doubles:
    """Return how often an annotator and another, voting on one sample, chose the same class, as a share.

    Who met nobody is given the mean of those who did (Goh, Tkachenko and Mueller 2022): nothing is known of them.

    Args:
        votes: (N, A) class numbers, -1 for no vote.
        classes: C.

    Returns:
        (A,) in [0, 1]; 0 for who did not vote, and for all where no sample has two votes.

    >>> votes = np.array([[1, 1, 0, -1, -1], [2, 2, -1, -1, -1], [-1, -1, -1, 1, -1]])  # meetings 3, 3, 2, 0
    >>> [round(float(share), 3) for share in peer_agreement(votes, 3)]  # 2/3, 2/3, 0/2, their mean, no vote
    [0.667, 0.667, 0.0, 0.444, 0.0]
    """
    agreed, met = np.zeros((2, votes.shape[1]))
    for block in ballots(votes, classes):
        same = block.tally()[block.row, block.what] - 1
        agreed += np.bincount(block.who, same, minlength=len(met))
        met += np.bincount(block.who, block.voices()[block.row] - 1, minlength=len(met))
    known = met > 0
    shares = agreed / np.maximum(met, 1)
    shares[~known & (votes >= 0).any(axis=0)] = shares[known].mean() if known.any() else 0.0
    return shares


def krippendorff_alpha(votes: Labels, classes: int) -> float:
    """Return the agreement beyond chance of any number of annotators, votes missing or not (Krippendorff 2011, nominal).

    alpha = 1 - o / e over samples with two votes or more, n votes in all: o = sum_i sum_c n_ic (n_i - n_ic) / (n_i - 1)
    of n_ic votes for class c on sample i, and e = sum_c n_c (n - n_c) / (n - 1).

    Args:
        votes: (N, A) class numbers, -1 for no vote.
        classes: C.

    Returns:
        At most 1; 0 is chance. 1 where one class was voted for throughout, where the formula is 0 / 0; 0 where no
        sample has two votes.

    >>> krippendorff_alpha(np.array([[0, 0], [1, 1], [0, 1]]), 2)  # o = 2, e = (3 * 3 + 3 * 3) / 5
    0.4444444444444444
    """
    observed, totals = 0.0, np.zeros(classes, dtype=np.int64)
    for block in ballots(votes, classes):
        several = block.voices() > 1
        counts, voices = block.tally()[several], block.voices()[several]
        observed += float(((voices**2 - (counts**2).sum(axis=1)) / (voices - 1)).sum())
        totals += counts.sum(axis=0)
    pairable = int(totals.sum())
    if not pairable:
        return 0.0
    chance = (pairable**2 - int(totals @ totals)) / (pairable - 1)
    return 1 - observed / chance if chance else 1.0

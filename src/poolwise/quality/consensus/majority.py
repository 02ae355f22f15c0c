"""The class that most annotators voted for."""

from __future__ import annotations

import numpy as np

from poolwise.core.types import Floats, Labels
from poolwise.quality.consensus.votes import ballots


def majority_vote(votes: Labels, classes: int, probs: Floats | None = None) -> Labels:
    """Return the class with most votes on each sample.

    Ties go to the class, of those tied, that the model holds likeliest, where there is one; then to the one with most
    votes over all samples; then to the lowest number. Chance plays no part.

    Args:
        votes: (N, A) class numbers, -1 for no vote.
        classes: C.
        probs: (N, C) probabilities, out of sample.

    Returns:
        (N,) int64 labels; -1 where nobody voted.

    >>> votes = np.array([[0, 1, 1], [0, 1, -1], [0, 2, -1], [2, 3, -1], [-1, -1, -1]])
    >>> majority_vote(votes, 4).tolist()  # classes were voted for 3, 3, 2 and 1 times
    [1, 0, 0, 2, -1]
    >>> majority_vote(votes, 4, np.tile([[0.1, 0.2, 0.3, 0.4]], (5, 1))).tolist()
    [1, 1, 2, 3, -1]
    """
    labels = np.empty(len(votes), dtype=np.int64)
    often = np.bincount(votes[votes >= 0].astype(np.int64, copy=False), minlength=classes)
    for block in ballots(votes, classes):
        counts = block.tally()
        tied = counts == counts.max(axis=1, keepdims=True)
        if probs is not None:
            likeliest = np.where(tied, probs[block.rows], -1)
            tied = likeliest == likeliest.max(axis=1, keepdims=True)
        labels[block.rows] = np.where(block.voices() > 0, np.where(tied, often, -1).argmax(axis=1), -1)
    return labels

"""Weights of the vote of each annotator, and of the word of the model (CROWDLAB).

Goh, Tkachenko and Mueller 2022, "CROWDLAB: Supervised learning to infer consensus labels and quality scores for data
with multiple annotators", arXiv 2210.06812. All is measured on the samples with two votes or more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Labels
from poolwise.quality.consensus.agreement import sample_agreement
from poolwise.quality.consensus.votes import votes_each

LEAST = 1e-6
"""The least weight, and the least error of the commonest class: nobody is worth nothing, and nothing is divided by 0."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Who is trusted how far.

    Attributes:
        annotators: (A,) 1 for who always agrees with others, `LEAST` for who does no better than the commonest class.
        model: of its probabilities, in votes: so measured against the labels, times the root of the votes a sample.
        right: a, how likely a vote is for the label, in [0, 1].
        wrong: b, how likely it is for any one other class.
    """

    annotators: NDArray[np.float64]
    model: float
    right: float
    wrong: float


def weigh(
    votes: Labels, labels: Labels, peers: NDArray[np.float64], classes: int, probs: Floats | None = None
) -> Weights:
    """Return the weights of annotators and model, given labels.

    e0 is the error of always answering the commonest label. Annotator: 1 - (1 - agreement with others) / e0. Model:
    (1 - its error against the labels / e0) sqrt(mean votes a sample). Neither bracket is below `LEAST`, nor is e0; where
    all labels are one class, e0 is `LEAST` and only who never disagreed keeps a weight.

    Where no sample has two votes, nothing is known of annotators: the model alone is trusted (weight 1, annotators 0);
    without a model a vote is worth chance, a = b = 1 / C.

    Args:
        votes: (N, A) class numbers, -1 for no vote.
        labels: (N,) class numbers of all samples with two votes or more.
        peers: (A,) agreement with others, as `peer_agreement`.
        classes: C.
        probs: (N, C) probabilities, out of sample; None: the model's weight is 0.

    >>> votes = np.array([[0, 0, 0], [0, 0, 1], [1, 1, 1], [1, 1, 0]])
    >>> found = weigh(votes, np.array([0, 0, 1, 1]), np.array([0.75, 0.75, 0.5]), 2)  # e0 = 1/2
    >>> found.annotators.tolist(), found.model, round(found.right, 3), round(found.wrong, 3)
    ([0.5, 0.5, 1e-06], 0.0, 0.833, 0.167)
    """
    voices = votes_each(votes)
    several = voices > 1
    if not several.any():
        chance = 1 / classes
        return Weights(np.full(len(peers), float(probs is None)), float(probs is not None), chance, chance)
    known = labels[several]
    commonest = int(np.bincount(known, minlength=classes).max())
    error = max(1 - commonest / len(known), LEAST)
    right = float(sample_agreement(votes, labels)[several].mean())
    model = 0.0
    if probs is not None:
        missed = float((probs.argmax(axis=1)[several] != known).mean())
        model = max(1 - missed / error, LEAST) * float(np.sqrt(voices[voices > 0].mean()))
    return Weights(np.maximum(1 - (1 - peers) / error, LEAST), model, right, (1 - right) / max(classes - 1, 1))

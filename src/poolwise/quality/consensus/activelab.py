"""Scores for the next question where a sample may be asked again: labelled and unlabelled ones on one scale (ActiveLab).

Goh and Mueller 2023, "ActiveLab: Active learning with re-labeling by multiple annotators", arXiv 2301.11856.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.types import Floats
from poolwise.quality.consensus.crowdlab import crowdlab, qualities
from poolwise.quality.consensus.temperature import at_temperature, best_temperature
from poolwise.quality.consensus.votes import ballots, check_votes, votes_each


def relabel_scores(votes: ArrayLike, probs: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Return how sure each sample's label is once one more vote is counted as unknown: ask the lowest first.

    score = [q (w_M + sum_m w_m) + w / C] / [w_M + sum_m w_m + w], of the consensus quality q, the weights of the model and
    of those who voted on the sample, and w, the mean weight of the annotators; without a vote q is the model's highest
    probability. Where some sample has two votes, probabilities are first brought to the temperature that the votes
    bear out; where none has, all weights are 1 and q is the model's probability of the vote. With no vote at all the
    order is that of the model's highest probability.

    Args:
        votes: (N, A) class numbers, -1 for no vote.
        probs: (N, C) probabilities, out of sample; rows sum to 1.

    Returns:
        (N,) float32 scores in [0, 1], lowest first; and (N,) whether asking would be relabelling.

    Raises:
        InvalidArray: as `consensus`, but votes may all be missing.

    >>> scores, relabel = relabel_scores([[0], [0], [-1]], [[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]])
    >>> [round(float(score), 3) for score in scores], relabel.tolist()  # (2q + 1/2) / 3, twice; (q + 1/2) / 2
    ([0.667, 0.333, 0.5], [True, True, False])
    """
    table, classes, checked = check_votes(votes, probs)
    model = np.asarray(checked)
    voices = votes_each(table)
    several = voices.max(initial=0) > 1
    if several:
        model = at_temperature(model, best_temperature(table, model))
    labels, weights = crowdlab(table, classes, model)
    quality, _ = qualities(table, labels, weights, classes, model)
    trust = weights.annotators if several else np.ones(table.shape[1])
    voted = (table >= 0).any(axis=0)
    mean = float(trust[voted].mean()) if voted.any() else 1.0
    scores = np.empty(len(table), dtype=np.float32)
    for block in ballots(table, classes):
        heard = weights.model + block.voices(trust)
        scores[block.rows] = (quality[block.rows] * heard + mean / classes) / (heard + mean)
    return scores, voices > 0

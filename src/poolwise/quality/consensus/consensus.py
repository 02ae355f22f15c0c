"""`poolwise.consensus`: votes in; labels with their quality, and what is known of each annotator, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.errors import InvalidArray
from poolwise.core.types import Floats
from poolwise.quality.consensus.activelab import relabel_scores
from poolwise.quality.consensus.agreement import sample_agreement
from poolwise.quality.consensus.annotators import annotator_table
from poolwise.quality.consensus.crowdlab import crowdlab, qualities
from poolwise.quality.consensus.votes import check_votes

__all__ = ["Consensus", "consensus", "relabel_scores"]


@dataclass(frozen=True, eq=False)
class Consensus:
    """Labels of several annotators together.

    Attributes:
        labels: (N,) int64 class numbers. Without a vote the model's class; -1 where there is no model either.
        quality: (N,) float32 in [0, 1], the posterior of the label; lower is worse, 0 where it is -1. It puts samples in
            order rather than telling how often such labels are right: that is mostly oftener.
        agreement: (N,) float32 in [0, 1], share of the votes that are for the label; 0 where nobody voted.
        annotators: columns of (A,), one entry an annotator:
            `quality` in [0, 1], lower is worse; 0 for who did not vote.
            `agreement` in [0, 1], share of their votes that are for the label; 0 for who did not vote.
            `votes`, how many they cast.
            `worst_class`, the class they vote for that is least often the label; -1 for who never differed from one.
    """

    labels: NDArray[np.int64]
    quality: Floats
    agreement: Floats
    annotators: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.labels)


def consensus(votes: ArrayLike, probs: ArrayLike | None = None) -> Consensus:
    """Return the labels that several annotators, and a model where there is one, agree upon best (CROWDLAB).

    Goh, Tkachenko and Mueller 2022, arXiv 2210.06812: each annotator weighs as much as others agree with them, the model
    as much as it agrees with the majority. Without probs annotators alone are weighed and the classes are those up to
    the largest voted for.

    Where no sample has two votes, the vote is the label, and its quality the model's probability of it; without a
    model 1 / C for all.

    Args:
        votes: (N, A) class numbers, -1 for no vote.
        probs: (N, C) probabilities, rows summing to 1, of a model that was not trained on the sample it speaks of.

    Raises:
        InvalidArray: votes that are not (N, A) whole numbers, outside the classes, or all missing; probs that are no
            probabilities of the same N samples.

    >>> found = consensus([[0, 0, 0], [0, 0, 1], [1, 1, 1], [1, 1, 1], [-1, 0, 1], [-1, -1, -1]])
    >>> found.labels.tolist(), found.agreement.tolist()
    ([0, 0, 1, 1, 0, -1], [1.0, 0.6666666865348816, 1.0, 1.0, 0.5, 0.0])
    >>> found.annotators["votes"].tolist(), found.annotators["worst_class"].tolist()
    ([4, 5, 5], [-1, -1, 1])
    """
    table, classes, checked = check_votes(votes, probs)
    if not (table >= 0).any():
        raise InvalidArray(
            f"votes must hold at least one vote; all of shape {table.shape} are -1, which stands for none. "
            "Ask the annotators first."
        )
    labels, weights = crowdlab(table, classes, checked)
    quality, own = qualities(table, labels, weights, classes, checked)
    agreement = sample_agreement(table, labels).astype(np.float32)
    return Consensus(labels, quality, agreement, annotator_table(table, labels, own, weights, classes))

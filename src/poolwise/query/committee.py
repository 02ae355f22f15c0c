"""Query by committee: samples on which several models disagree (Seung et al. 1992).

The committee is either the stochastic draws of one model (or the members of an ensemble), or the models of the last
rounds, which cost nothing more to train.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import numpy as np
from annotated_types import Ge

from poolwise.core.types import Floats, Need, PoolView, Task
from poolwise.query.acquisition import disagreement
from poolwise.query.strategy import Picks, Strategy, best, required


class Measure(str, Enum):
    """Of disagreement; see the functions of the same names in `acquisition.disagreement`."""

    VOTE_ENTROPY = "vote_entropy"
    CONSENSUS_ENTROPY = "consensus_entropy"
    KL_DIVERGENCE = "kl_divergence"
    MAX_DISAGREEMENT = "max_disagreement"


class Members(str, Enum):
    """Who sits in the committee."""

    DRAWS = "draws"
    ROUNDS = "rounds"


MEASURES = {
    Measure.VOTE_ENTROPY: disagreement.vote_entropy,
    Measure.CONSENSUS_ENTROPY: disagreement.consensus_entropy,
    Measure.KL_DIVERGENCE: disagreement.kl_divergence,
    Measure.MAX_DISAGREEMENT: disagreement.max_disagreement,
}


@dataclass(frozen=True)
class Committee(Strategy):
    """Largest disagreement of a committee.

    In the first rounds there may be one model only: it disagrees with nothing, all measures but the consensus entropy
    are 0, and the picks are random.

    Attributes:
        measure: of disagreement.
        members: draws of one model (or an ensemble), or the models of the last rounds.
        rounds: how many of the last rounds' models sit in the committee; used with members=rounds.
    """

    measure: Measure = Measure.VOTE_ENTROPY
    members: Members = Members.DRAWS
    rounds: Annotated[int, Ge(2)] = 3

    @property
    def needs(self) -> Need:
        """Draws of one model, or the last rounds' models."""
        return Need.ROUNDS if self.members is Members.ROUNDS else Need.DRAWS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        logs = required(view.log_probs_nkc)
        scores = MEASURES[self.measure](logs, view.task)
        rows = best(scores, size, rng)
        return Picks(rows, scores[rows], self._sentences(logs[rows], scores[rows], view.task))

    def _sentences(self, logs: Floats, scores: Floats, task: Task) -> list[str]:
        count = logs.shape[1]
        who = f"{count} {'models of the last rounds' if self.members is Members.ROUNDS else 'draws'}"
        if self.measure is Measure.CONSENSUS_ENTROPY:
            return [f"entropy {score:.2f} nats of the mean of {who}" for score in scores]
        if count == 1:
            return ["picked at random: a committee of one has nothing to disagree with"] * len(scores)
        if self.measure is Measure.VOTE_ENTROPY:
            return _vote_sentences(logs, task, who)
        which = "mean" if self.measure is Measure.KL_DIVERGENCE else "largest"
        return [f"{which} divergence {score:.3g} nats of {who} from their mean" for score in scores]


def _vote_sentences(logs: Floats, task: Task, who: str) -> list[str]:
    shares, count = disagreement.vote_shares(logs, task), logs.shape[1]
    if task is Task.MULTILABEL:
        split = np.abs(shares - 0.5).argmin(axis=1)
        pairs = zip(split, np.rint(shares[np.arange(len(shares)), split] * count).astype(int), strict=True)
        return [f"{votes} of {who} see class {number}" for number, votes in pairs]
    order = np.argsort(-shares, axis=1, kind="stable")[:, :2]
    votes = np.rint(np.take_along_axis(shares, order, axis=1) * count).astype(int)
    return [
        f"of {who} " + " and ".join(f"{n} vote for class {number}" for number, n in zip(*pair, strict=True) if n)
        for pair in zip(order, votes, strict=True)
    ]

"""Stop when the money is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poolwise.core.interfaces import StoppingRule
from poolwise.core.ranges import Checked, Positive
from poolwise.core.types import RoundRecord


@dataclass(frozen=True)
class Cost(Checked, StoppingRule):
    """Stop when the batches so far have cost `limit` or more, in the unit of the data's column `cost`.

    Where a round knows no costs, each answer counts 1. A skipped sample costs nothing, and one that is asked again after
    it was left unanswered costs once. Labels of the test set cost as much as any other, unlike in `Budget`, which counts
    labels to train on. The last batch may overshoot by up to its own cost.
    """

    limit: Positive

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Return why to stop; "" to go on."""
        spent = sum(cost_of(record) for record in rounds)
        return f"{spent:g} has been spent, of a limit of {self.limit:g}" if spent >= self.limit else ""


def cost_of(record: RoundRecord) -> float:
    """Return what a round's answers cost: as the data say, else 1 an answer."""
    answers = sum(label is not None for label in record.labels)
    return record.pool.get("cost", float(answers))

"""Stop when the budget of labels is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poolwise.core.interfaces import StoppingRule
from poolwise.core.ranges import Checked, Count
from poolwise.core.types import RoundRecord


@dataclass(frozen=True)
class Budget(Checked, StoppingRule):
    """At most `budget` labels to train on, those of round 0 included.

    Skipped samples, labels that came with the data and those of the test set are not counted.
    """

    budget: Count

    def allowance(self, rounds: Sequence[RoundRecord]) -> int:
        """Return how many labels may still be asked for."""
        return max(0, self.budget - sum(_spent(record) for record in rounds))

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Return why to stop; "" to go on."""
        return "" if self.allowance(rounds) else f"the budget of {self.budget} labels is spent"


def _spent(record: RoundRecord) -> int:
    answered = [ask.sample_id for ask, label in zip(record.asks, record.labels, strict=True) if label is not None]
    return len([sample_id for sample_id in answered if sample_id not in record.held_out])

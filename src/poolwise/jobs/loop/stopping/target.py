"""Stop when the held-out metric is good enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poolwise.core.interfaces import StoppingRule
from poolwise.core.ranges import Checked, Count
from poolwise.core.types import RoundRecord


@dataclass(frozen=True)
class Target(Checked, StoppingRule):
    """Stop once the headline metric reached `value` in `rounds` rounds running (one lucky round is none)."""

    value: float
    rounds: Count = 1

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Return why to stop; "" to go on, also while nothing is measured."""
        last = [record.metrics.get(metric) for record in rounds[-self.rounds :]]
        reached = len(last) == self.rounds and all(score is not None and score >= self.value for score in last)
        return f"{metric} reached the target of {self.value:g}" if reached else ""

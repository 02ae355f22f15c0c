"""Stop when the budget of labels is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poolwise.errors import ConfigError
from poolwise.types import RoundRecord


@dataclass(frozen=True)
class Budget:
    """At most `budget` labels in all, those of round 0 included.

    Skipped samples cost nothing; labels that came with the data are not counted.
    """

    budget: int

    def __post_init__(self) -> None:
        if self.budget < 1:
            raise ConfigError(f"budget is {self.budget}; it must be at least 1.")

    def allowance(self, rounds: Sequence[RoundRecord]) -> int:
        """Labels that may still be asked for."""
        spent = sum(label is not None for record in rounds for label in record.labels)
        return max(0, self.budget - spent)

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Why to stop; "" to go on."""
        return "" if self.allowance(rounds) else f"the budget of {self.budget} labels is spent"

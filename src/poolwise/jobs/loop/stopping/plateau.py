"""Stop when more labels have stopped helping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poolwise.core.interfaces import StoppingRule
from poolwise.core.ranges import Checked, Count
from poolwise.core.types import RoundRecord


@dataclass(frozen=True)
class Plateau(Checked, StoppingRule):
    """Stop when the best metric of the last `patience` rounds beats the best before them by less than `min_gain`.

    Early stopping as in Prechelt (1998), over rounds in place of epochs. It judges by single noisy points: choose
    `min_gain` not below the standard error of the metric, sqrt(p (1 - p) / test size).
    """

    patience: Count = 3
    min_gain: float = 0.002

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Return why to stop; "" to go on, also while nothing is measured."""
        scores = [record.metrics[metric] for record in rounds if metric in record.metrics]
        if len(scores) <= self.patience:
            return ""
        gain = max(scores[-self.patience :]) - max(scores[: -self.patience])
        if gain >= self.min_gain:
            return ""
        return f"{metric} gained {gain:+.4f} over the last {self.patience} rounds, less than {self.min_gain:g}"

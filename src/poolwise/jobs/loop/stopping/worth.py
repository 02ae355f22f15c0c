"""Stop when the next batch costs more than it is expected to bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poolwise.core.interfaces import StoppingRule
from poolwise.core.ranges import Checked, Count, Positive
from poolwise.core.types import RoundRecord
from poolwise.jobs.loop.stopping.cost import cost_of
from poolwise.metric.curve.outlook import outlook

POINT = 0.01


@dataclass(frozen=True)
class Worth(Checked, StoppingRule):
    """Stop when the batch to come is worth less than the last one cost, `rounds` rounds running.

    What it brings is read off a learning curve through this strategy's rounds, see `metric/curve/outlook.py`; it takes three
    sizes that lie apart. Costs are those of the data's column `cost`, 1 an answer without one.

    Attributes:
        value: of one point (0.01) of the headline metric, in the unit of the costs: how many labels you would pay for it.
        rounds: how often in a row it must not be worth it.
    """

    value: Positive
    rounds: Count = 2

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Return why to stop; "" to go on, also while nothing is measured or too few rounds are."""
        message = ""
        for end in range(len(rounds), max(0, len(rounds) - self.rounds), -1):
            current = self._too_dear([record for record in rounds[:end] if metric in record.metrics], metric)
            if not current:
                return ""
            message = message or current
        return message if len(rounds) >= self.rounds else ""

    def _too_dear(self, rounds: Sequence[RoundRecord], metric: str) -> str:
        if len(rounds) < 2:
            return ""
        counts, cost = [record.labelled for record in rounds], cost_of(rounds[-1])
        ahead = outlook(counts, [record.metrics[metric] for record in rounds], counts[-1] - counts[-2])
        if ahead is None or ahead.gain / POINT * self.value >= cost:
            return ""
        return (
            f"the next {counts[-1] - counts[-2]} labels are expected to bring {ahead.gain / POINT:.2f} points of {metric}, "
            f"worth {ahead.gain / POINT * self.value:.3g}, and to cost {cost:.3g}"
        )

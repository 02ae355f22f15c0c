"""Stop when the model is sure of nearly everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Interval

from poolwise.core.interfaces import StoppingRule
from poolwise.core.ranges import Checked
from poolwise.core.types import RoundRecord
from poolwise.jobs.loop.stopping.facts import latest


@dataclass(frozen=True)
class MeanUncertainty(Checked, StoppingRule):
    """Stop when the mean entropy of the predictions, divided by its largest value, is below `threshold`.

    "Overall uncertainty" of Zhu, Wang and Hovy (2008): the mean entropy over what is left unlabelled falls below a
    small number. Here it is divided by ln C, so that one number serves any count of classes, and the mean is over a
    stop set drawn once, labelled samples included. 0.05 is what small-text uses.

    A network that is surer than it is right stops too soon: temper it first, or do not use this rule alone.
    """

    threshold: Annotated[float, Interval(gt=0, le=1)] = 0.05

    wants: ClassVar[frozenset[str]] = frozenset({"uncertainty"})

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Return why to stop; "" to go on, also where the last round did not measure it."""
        values = latest(rounds, "uncertainty", 1)
        if not values or values[0] >= self.threshold:
            return ""
        return f"the mean uncertainty of predictions is {values[0]:.4f}, below {self.threshold:g}"

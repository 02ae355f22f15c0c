"""Stop when the model is sure of nearly everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from poolwise.core.errors import ConfigError
from poolwise.core.types import RoundRecord
from poolwise.jobs.loop.stopping.facts import latest


@dataclass(frozen=True)
class MeanUncertainty:
    """Stop when the mean entropy of the predictions, divided by its largest value, is below `threshold`.

    "Overall uncertainty" of Zhu, Wang and Hovy (2008): the mean entropy over what is left unlabelled falls below a
    small number. Here it is divided by ln C, so that one number serves any count of classes, and the mean is over a
    stop set drawn once, labelled samples included. 0.05 is what small-text uses.

    A network that is surer than it is right stops too soon: temper it first, or do not use this rule alone.
    """

    threshold: float = 0.05

    wants: ClassVar[frozenset[str]] = frozenset({"uncertainty"})

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ConfigError(
                f"stopping.mean_uncertainty.threshold is {self.threshold}; it must be above 0 and at most 1."
            )

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Why to stop; "" to go on, also where the last round did not measure it."""
        found = latest(rounds, "uncertainty", 1)
        if not found or found[0] >= self.threshold:
            return ""
        return f"the mean uncertainty of predictions is {found[0]:.4f}, below {self.threshold:g}"

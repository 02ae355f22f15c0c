"""Stop when hardly any prediction changes from round to round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from poolwise.core.interfaces import StoppingRule
from poolwise.core.ranges import Checked, Count, Share
from poolwise.core.types import RoundRecord
from poolwise.jobs.loop.stopping.facts import latest


@dataclass(frozen=True)
class ClassificationChange(Checked, StoppingRule):
    """Stop when at most a share `threshold` of the predictions changed, in each of the last `patience` rounds.

    Zhu, Wang and Hovy (2008) stop once no unlabelled sample has changed its predicted class between two consecutive
    rounds: threshold 0, patience 1. Networks that are trained afresh each round never get there, hence the other
    defaults. Here the predictions are those of a stop set drawn once, so that rounds are compared on the same samples;
    in a multi-label task it is the share of single yes and no answers that changed.
    """

    threshold: Share = 0.01
    patience: Count = 2

    wants: ClassVar[frozenset[str]] = frozenset({"changed"})

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Return why to stop; "" to go on, also until `patience` rounds could be compared with the one before."""
        shares = latest(rounds, "changed", self.patience)
        if not shares or max(shares) > self.threshold:
            return ""
        return f"at most {max(shares):.2%} of the predictions changed in each of the last {self.patience} rounds"

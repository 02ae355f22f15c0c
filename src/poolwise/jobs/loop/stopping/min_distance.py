"""Stop when everything left lies near something labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from poolwise.core.interfaces import StoppingRule
from poolwise.core.ranges import Checked, Positive
from poolwise.core.types import RoundRecord
from poolwise.jobs.loop.stopping.facts import latest


@dataclass(frozen=True)
class MinDistance(Checked, StoppingRule):
    """Stop when no candidate is as far as `distance` from all labelled samples.

    That distance, the largest over candidates of the smallest to a labelled sample, is the radius that core-set
    selection makes small (Sener and Savarese 2018): below `distance` the labelled samples cover the pool.
    It is Euclidean, between embeddings, as the last batch was chosen; its scale is that of the network, so look at the
    distances of a run before choosing.
    """

    distance: Positive

    wants: ClassVar[frozenset[str]] = frozenset({"farthest"})

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Return why to stop; "" to go on, also where the last round did not measure it."""
        values = latest(rounds, "farthest", 1)
        if not values or values[0] >= self.distance:
            return ""
        return f"no candidate is as far as {self.distance:g} from what is labelled; the farthest is at {values[0]:.4g}"

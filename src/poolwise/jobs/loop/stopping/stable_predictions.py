"""Stop when the model says of the same samples what it said before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Interval

from poolwise.core.interfaces import StoppingRule
from poolwise.core.ranges import Checked, Count
from poolwise.core.types import RoundRecord
from poolwise.jobs.loop.stopping.facts import latest


@dataclass(frozen=True)
class StablePredictions(Checked, StoppingRule):
    """Stop when consecutive models agree: their mean kappa over the last `window` rounds is `threshold` or more.

    Bloodgood and Vijay-Shanker (2009): after each round the new model and the one before it predict a stop
    set, drawn once, that needs no labels; Cohen's kappa between the two is averaged over the most recent rounds, and
    asking stops once that mean reaches a cut-off. Theirs are a window of 3 and 0.99, on support vector machines; it is
    the mean that must reach it, not each of the three. A lower threshold stops sooner.

    A network that is trained afresh each round differs from the last one by chance too, so its kappa may never reach
    0.99: look at the kappas of a run before choosing, or keep the weights from round to round.
    """

    window: Count = 3
    threshold: Annotated[float, Interval(ge=-1, le=1)] = 0.99

    wants: ClassVar[frozenset[str]] = frozenset({"kappa"})

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Return why to stop; "" to go on, also until `window` rounds could be compared with the one before."""
        kappas = latest(rounds, "kappa", self.window)
        mean = sum(kappas) / self.window
        if not kappas or mean < self.threshold:
            return ""
        return f"predictions are stable: mean kappa {mean:.4f} over {self.window} rounds, {self.threshold:g} or more"

"""What the last rounds told of the pool."""

from __future__ import annotations

from collections.abc import Sequence

from poolwise.core.types import RoundRecord


def latest(rounds: Sequence[RoundRecord], fact: str, count: int) -> list[float]:
    """Return the fact in each of the last `count` rounds, oldest first; nothing unless every one of them has it.

    The first round has nothing to be compared with, and a rule that joins a run later finds rounds without its fact:
    a rule then waits until enough rounds in a row have it.
    """
    known = [record.pool[fact] for record in rounds[-count:] if fact in record.pool]
    return known if len(known) == count else []

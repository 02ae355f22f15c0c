"""How fast people label, and how often they agree with the model and with one another. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from poolwise.annotation.web.vote_aggregation import latest_votes
from poolwise.core.voting import Said, Vote

LONGEST = 300.0
"""Seconds from which on an answer tells of a coffee rather than of a picture; left out of the median."""


@dataclass(frozen=True)
class Speed:
    """One person's figures: answers that stand, median seconds an answer, share that agrees with the suggestion."""

    person: str
    answers: int
    cannot_tell: int
    seconds: float | None
    agreement: float | None


def speeds(votes: Iterable[Vote]) -> list[Speed]:
    """A row for each person, by name.

    >>> speeds([Vote("k", 0, 1, "ann", Said.LABEL, "cat", seconds=2.0, suggestion="cat")])
    [Speed(person='ann', answers=1, cannot_tell=0, seconds=2.0, agreement=1.0)]
    """
    mine: dict[str, list[Vote]] = defaultdict(list)
    for row in latest_votes(votes).values():
        for person, vote in row.items():
            mine[person].append(vote)
    return [_speed(person, mine[person]) for person in sorted(mine)]


def _speed(person: str, votes: Sequence[Vote]) -> Speed:
    took = [vote.seconds for vote in votes if vote.seconds is not None and vote.seconds <= LONGEST]
    suggested = [
        vote.label == vote.suggestion for vote in votes if vote.suggestion is not None and vote.label is not None
    ]
    return Speed(
        person,
        len(votes),
        sum(vote.said is Said.CANNOT_TELL for vote in votes),
        round(median(took), 2) if took else None,
        sum(suggested) / len(suggested) if suggested else None,
    )


def figures(votes: Sequence[Vote]) -> dict[str, float]:
    """What a tracker is told: people, median seconds an answer, share that agrees with the suggestion, of all and `by/NAME/`."""
    rows = [vote for row in latest_votes(votes).values() for vote in row.values()]
    if not rows:
        return {}
    told = {"people": float(len({vote.person for vote in rows})), **_told(_speed("", rows))}
    for each in speeds(votes):
        told |= {f"by/{each.person}/{name}": value for name, value in _told(each).items()}
        told[f"by/{each.person}/answers"] = float(each.answers)
    return told


def _told(each: Speed) -> dict[str, float]:
    known = {"seconds_per_answer": each.seconds, "agreement_with_suggestion": each.agreement}
    return {name: value for name, value in known.items() if value is not None}

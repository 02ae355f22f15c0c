"""How fast people label, and how often they agree with the model. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from poolwise.annotation.web.vote_aggregation import latest_votes
from poolwise.core.voting import Verdict, Vote

LONGEST = 300.0
"""Seconds above which an answer is left out of the median: the person was away."""


@dataclass(frozen=True)
class Speed:
    """One person's figures: answers that stand, median seconds an answer, share that agrees with the suggestion."""

    person: str
    answers: int
    cannot_tell: int
    seconds: float | None
    agreement: float | None


def speeds(votes: Iterable[Vote]) -> list[Speed]:
    """Return a row for each person, by name.

    >>> speeds([Vote("k", 0, 1, "ann", Verdict.LABEL, "cat", seconds=2.0, suggestion="cat")])
    [Speed(person='ann', answers=1, cannot_tell=0, seconds=2.0, agreement=1.0)]
    """
    by_person: dict[str, list[Vote]] = defaultdict(list)
    for row in latest_votes(votes).values():
        for person, vote in row.items():
            by_person[person].append(vote)
    return [_speed(person, by_person[person]) for person in sorted(by_person)]


def _speed(person: str, votes: Sequence[Vote]) -> Speed:
    seconds = [vote.seconds for vote in votes if vote.seconds is not None and vote.seconds <= LONGEST]
    agrees = [vote.label == vote.suggestion for vote in votes if vote.suggestion is not None and vote.label is not None]
    return Speed(
        person,
        len(votes),
        sum(vote.verdict is Verdict.CANNOT_TELL for vote in votes),
        round(median(seconds), 2) if seconds else None,
        sum(agrees) / len(agrees) if agrees else None,
    )


def figures(votes: Sequence[Vote]) -> dict[str, float]:
    """Return what a tracker gets: people, median seconds an answer, agreement with the model, of all and `by/NAME/`."""
    latest = [vote for row in latest_votes(votes).values() for vote in row.values()]
    if not latest:
        return {}
    rows = {"people": float(len({vote.person for vote in latest})), **_known(_speed("", latest))}
    for each in speeds(votes):
        rows |= {f"by/{each.person}/{name}": value for name, value in _known(each).items()}
        rows[f"by/{each.person}/answers"] = float(each.answers)
    return rows


def _known(speed: Speed) -> dict[str, float]:
    values = {"seconds_per_answer": speed.seconds, "agreement_with_suggestion": speed.agreement}
    return {name: value for name, value in values.items() if value is not None}

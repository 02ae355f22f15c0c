"""Votes and claims of people on the annotation page, as records for the page and the ledger. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from poolwise.core.labels import Label


class Verdict(str, Enum):
    """A person's verdict on a sample."""

    LABEL = "label"
    CANNOT_TELL = "cannot tell"
    """Nobody is asked again; in a review the label stays as it is."""
    REMOVE = "remove"
    """The sample is no use: never to be trained on."""
    KEEP = "keep"
    """Of several pictures of one thing, this one stays."""
    UNDO = "undo"
    """Takes back this person's last vote on the sample."""


@dataclass(frozen=True)
class Vote:
    """What one person said of one sample: a fact, never changed; a later vote of the person stands for it.

    Attributes:
        key: made by the browser; the same key of the same person is the same vote, however often it is sent.
        round: whose batch asked; -1 for a near-copy of another sample, which no batch asked about.
        label: if `verdict` is LABEL.
        seconds: from the picture's appearance to the answer; None if the browser did not send it.
        suggestion: the model's, when the picture was shown.
        at: UTC, ISO 8601.
    """

    key: str
    round: int
    sample_id: int
    person: str
    verdict: Verdict
    label: Label = None
    note: str = ""
    seconds: float | None = None
    suggestion: Label = None
    at: str = ""


@dataclass(frozen=True)
class Claim:
    """Who holds which sample of a round, in which tab of their browser, until when (seconds since 1970)."""

    round: int
    sample_id: int
    person: str
    tab: str
    until: float

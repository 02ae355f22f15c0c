"""The batch that is out for answers, and which answers say something new. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from poolwise.core.types import Annotation, Answer, Batch
from poolwise.jobs.run_folder import RunParts
from poolwise.ledger.events import LabelsReceived, NewEvent
from poolwise.ledger.state import RunState

CANNOT_TELL = ", cannot tell"
"""Behind the source of a label that was looked at again by somebody who could not say what is right: it stays."""


def batch_of(state: RunState, parts: RunParts, round_: int | None = None) -> Batch:
    """Return a round's batch (the last one's, if not said)."""
    manifest = parts.images.manifest
    at = state.rounds[-1] if round_ is None else state.rounds[round_]
    asks = (*at.asks, *at.reviews)
    return Batch(at.round, asks, manifest.classes, manifest.task, parts.folder, state.annotations)


def new_annotations(state: RunState, answers: Sequence[Answer], round_: int, source: str) -> tuple[Annotation, ...]:
    """Return answers that say something new; the same answer twice is one fact, a changed one is a correction.

    A label that was to be looked at again, and was confirmed, is new too.
    """
    again = {ask.sample_id for ask in state.rounds[round_].reviews}
    found = []
    for answer in answers:
        last = state.annotations.get(answer.sample_id)
        if is_old(last, answer):
            continue
        if answer.sample_id in again and last is not None:
            if last.round < round_ or (
                (answer.label is not None or answer.removed) and (last.label != answer.label or cannot_tell(last))
            ):
                found.append(second_look(last, answer, round_, source))
        elif last is None or last.label != answer.label:
            found.append(Annotation(answer.sample_id, answer.label, answer.annotator, round_, source, answer.at))
    return tuple(found)


def is_old(last: Annotation | None, answer: Answer) -> bool:
    """Return whether an answer that says when it was given is no later than what stands."""
    return bool(last and last.at and answer.at and answer.at <= last.at)


def second_look(last: Annotation, answer: Answer, round_: int, source: str) -> Annotation:
    """Return what somebody made of a label that was there: another one, the same, or, where they cannot tell, the same still."""
    if answer.label is None and not answer.removed:
        return Annotation(answer.sample_id, last.label, answer.annotator, round_, f"{source}{CANNOT_TELL}", answer.at)
    return Annotation(answer.sample_id, answer.label, answer.annotator, round_, source, answer.at)


def cannot_tell(row: Annotation) -> bool:
    """Return whether a label stays only because somebody who looked at it again could not tell."""
    return row.source.endswith(CANNOT_TELL)


class Answering(Protocol):
    """What gives answers to a batch: an annotator, or a file that somebody filled in."""

    @property
    def source(self) -> str:
        """Return where the answers come from, as the ledger keeps it."""

    def collect(self, batch: Batch) -> Sequence[Answer]:
        """Return the answers that are there."""


NewAnswers = Callable[[RunState, Sequence[Answer], int, str], tuple[Annotation, ...]]
"""(state, answers, round, source) -> the annotations among answers that say something new."""


def received(state: RunState, batch: Batch, answering: Answering, new: NewAnswers) -> list[NewEvent]:
    """Return the event of the answers that say something new; none where there is none.

    This is the one way from answers to annotations: of the loop, of an audit, of the page's server and of `ingest`.
    """
    answers = answering.collect(batch) if batch.asks else ()
    fresh = new(state, answers, batch.round, answering.source)
    return [NewEvent(batch.round, LabelsReceived(len(fresh), answering.source), fresh)] if fresh else []

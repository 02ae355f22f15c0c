"""State is a fold over events; there is no other way to change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from poolwise.core.errors import LedgerError
from poolwise.core.types import Annotation, Ask, Label, RoundRecord, RunRecord, label_text
from poolwise.ledger.events import (
    BatchClosed,
    BatchEmitted,
    BatchQueried,
    Event,
    HoldoutMeasured,
    LabelsAudited,
    LabelsReceived,
    ModelTrained,
    RunOpened,
    RunParked,
    RunStopped,
    SettingsChanged,
)


@dataclass(frozen=True)
class RoundState:
    """How far one round has come; None and False where it has not."""

    round: int
    queried: BatchQueried
    emitted: bool = False
    closed: BatchClosed | None = None
    trained: ModelTrained | None = None
    measured: HoldoutMeasured | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def asks(self) -> tuple[Ask, ...]:
        """The batch."""
        return self.queried.asks

    @property
    def reviews(self) -> tuple[Ask, ...]:
        """Labels of earlier rounds that are asked again, beside the batch."""
        return self.queried.reviews

    @property
    def labels(self) -> tuple[Label, ...]:
        """What the batch was answered when it was closed; later corrections are in the annotations alone."""
        return self.closed.labels if self.closed else ()

    @property
    def checkpoint(self) -> str:
        """The blob of the round's model. Raises LedgerError: there is none yet."""
        if self.trained is None:
            raise LedgerError(f"round {self.round} has no model yet.")
        return self.trained.checkpoint

    @property
    def done(self) -> bool:
        """Whether nothing of this round is left to do."""
        return self.measured is not None


@dataclass(frozen=True)
class RunState:
    """Where a run stands."""

    begun: RunOpened | None = None
    rounds: tuple[RoundState, ...] = ()
    records: tuple[RoundRecord, ...] = ()
    """The finished rounds as reports and trackers know them; each is made once, when it is finished."""
    parked: str = ""
    stopped: str = ""
    regret: Mapping[str, float] = field(default_factory=dict)
    events: int = 0
    at: str = ""
    """When the last event was written; UTC in ISO 8601."""
    audits: Mapping[int, LabelsAudited] = field(default_factory=dict)
    """Audits of the labels, by the number of rounds that there were."""
    annotations: Mapping[int, Annotation] = field(default_factory=dict)
    """The latest annotation of each sample; a skipped one has label None."""

    @property
    def opened(self) -> RunOpened:
        """What the run began with, and the settings since. Raises LedgerError: it has not begun."""
        if self.begun is None:
            raise LedgerError("the ledger holds nothing of what the run began with; restore it from a copy.")
        return self.begun

    @property
    def status(self) -> str:
        """One of "new", "running", "parked" and "stopped"."""
        if self.begun is None:
            return "new"
        return "stopped" if self.stopped else "parked" if self.parked else "running"

    def asked(self) -> set[int]:
        """Return the ids of every sample that was ever put into a batch."""
        return {ask.sample_id for round_ in self.rounds for ask in round_.asks}

    def holdout(self) -> set[int]:
        """Return the ids that were asked for the test set: never to be trained on."""
        return {sample_id for round_ in self.rounds for sample_id in round_.queried.holdout}

    def record(self, name: str, folder: Path) -> RunRecord:
        """Return the run as reports and trackers know it: all its finished rounds."""
        opened = self.opened
        return RunRecord(
            name=name,
            strategy=opened.strategy,
            folder=folder,
            config=opened.config,
            command=opened.command,
            metric=opened.metric,
            data=opened.data,
            rounds=self.records,
            status=self.status,
            stop_reason=self.stopped,
            message=self.parked,
            regret=self.regret,
            unreadable=tuple((path, why) for _, path, why in opened.unreadable),
        )


@contextmanager
def reading(run: str) -> Iterator[None]:
    """Name the run whose ledger was not written by poolwise. Raises LedgerError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise LedgerError(
            f"the ledger of run {run!r} is damaged, or was not written by poolwise ({type(error).__name__}: {error}); "
            "restore it from a copy."
        ) from error


def fold(events: Iterable[Event], annotations: Iterable[Annotation] = ()) -> RunState:
    """Return the state after these events; later annotations of a sample stand for earlier ones."""
    state = RunState()
    for event in events:
        state = apply(state, event)
    return replace(state, annotations=MappingProxyType({row.sample_id: row for row in annotations}))


def apply(state: RunState, event: Event) -> RunState:
    """Return the state after one more event and the annotations that it brought."""
    state = replace(state, events=event.seq + 1, at=event.at)
    if event.annotations:
        latest = {**state.annotations, **{row.sample_id: row for row in event.annotations}}
        state = replace(state, annotations=MappingProxyType(latest))
    if isinstance(event.fact, (BatchEmitted, BatchClosed, ModelTrained, HoldoutMeasured)):
        return _in_round(state, event)
    match event.fact:
        case RunOpened() as fact:
            return replace(state, begun=fact)
        case SettingsChanged() as fact:
            # Other settings may let a stopped run go on (a larger budget): the plan decides anew.
            changed = replace(state.opened, config=fact.config, command=fact.command)
            return replace(state, begun=changed, stopped="", regret={})
        case BatchQueried() as fact:
            round_ = RoundState(event.round, fact, seconds=fact.seconds)
            return replace(state, rounds=(*state.rounds, round_), parked="")
        case LabelsReceived():
            return replace(state, parked="")
        case LabelsAudited() as fact:
            return _audited(state, event.round, fact)
        case RunParked(message):
            return replace(state, parked=message)
        case RunStopped(reason, regret):
            return replace(state, stopped=reason, regret=regret)
    raise TypeError(f"event {event.seq} is a {type(event.fact).__name__}")


def _in_round(state: RunState, event: Event) -> RunState:
    """Change the round that the event names, which is the last one."""
    last = state.rounds[-1]
    if last.round != event.round:
        raise LedgerError(
            f"event {event.seq} ({type(event.fact).__name__}) names round {event.round}, the open one is {last.round}."
        )
    match event.fact:
        case BatchEmitted():
            last = replace(last, emitted=True)
        case BatchClosed() as fact:
            last = replace(last, closed=fact)
        case ModelTrained() as fact:
            last = replace(last, trained=fact, seconds={**last.seconds, **fact.seconds})
        case HoldoutMeasured() as fact:
            last = replace(last, measured=fact, seconds={**last.seconds, **fact.seconds})
    return replace(
        state,
        rounds=(*state.rounds[:-1], last),
        records=(*state.records, _round_record(last)) if last.done else state.records,
        parked="" if isinstance(event.fact, BatchClosed) else state.parked,
    )


def _audited(state: RunState, count: int, audit: LabelsAudited) -> RunState:
    """Keep an audit after `count` rounds, also in the record of the last of them."""
    records = state.records
    if records and records[-1].round + 1 == count:
        records = (*records[:-1], replace(records[-1], audit={**audit.results, **records[-1].audit}))
    return replace(state, audits=MappingProxyType({**state.audits, count: audit}), records=records)


def _round_record(round_: RoundState) -> RoundRecord:
    queried, closed, trained, measured = round_.queried, round_.closed, round_.trained, round_.measured
    if trained is None or measured is None:
        raise LedgerError(f"round {round_.round} was measured before its model was trained.")
    return RoundRecord(
        round=round_.round,
        labelled=trained.labelled,
        skipped=sum(label is None for label in round_.labels),
        asks=round_.asks,
        labels=round_.labels,
        metrics=measured.metrics,
        per_class=measured.per_class,
        confusion=measured.confusion,
        fit=trained.fit,
        seconds=round_.seconds,
        labels_digest=trained.labels_digest,
        held_out=frozenset(queried.holdout),
        pool={**queried.pool, **(closed.pool if closed else {}), **slice_facts(round_), **measured.pool},
        beside_random=queried.beside_random,
        outlook=measured.outlook,
        audit=_reviewed(round_.reviews, closed.reviewed) if closed else {},
    )


def slice_facts(round_: RoundState) -> dict[str, float]:
    """Return how often the model was right about the batch's random slice before it learnt it; see `jobs/loop/slice.py`."""
    pairs = zip(round_.asks, round_.labels, strict=False)
    right = [_agree(ask, label) for ask, label in pairs if _is_drawn(ask) and label is not None]
    return {"slice_accuracy": sum(right) / len(right), "slice_asked": float(len(right))} if right else {}


def _is_drawn(ask: Ask) -> bool:
    return bool(ask.details.get("random_slice")) and ask.probability is not None


def _agree(ask: Ask, label: Label) -> bool:
    return ask.suggestion == label if isinstance(label, str) else set(ask.suggestion or ()) == set(label or ())


def _reviewed(reviews: tuple[Ask, ...], answers: tuple[Label, ...]) -> dict[str, float]:
    """Return how many labels were looked at again with this batch, and how many of them were changed."""
    if not reviews:
        return {}
    changed = sum(ask.details["given"] != label_text(label) for ask, label in zip(reviews, answers, strict=True))
    return {"reviewed": float(len(reviews)), "changed_in_review": float(changed)}

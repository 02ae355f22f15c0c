"""State is a fold over events; there is no other way to change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from poolwise.core.errors import LedgerError
from poolwise.core.types import Annotation, Ask, Label
from poolwise.ledger.events import VERSION, Event, Kind


def _nothing() -> Mapping[Any, Any]:
    return MappingProxyType({})


OPENED: Mapping[str, type] = MappingProxyType({
    "config": Mapping, "cwd": str, "command": str, "strategy": str, "metric": str, "digests": Mapping, "data": Mapping,
    "unreadable": list,
})  # fmt: skip
"""What every run's first event has."""


@dataclass(frozen=True)
class RoundState:
    """How far one round has come; empty mappings and False where it has not."""

    round: int
    asks: tuple[Ask, ...]
    holdout: frozenset[int] = frozenset()
    emitted: bool = False
    closed: bool = False
    labels: tuple[Label, ...] = ()
    """What the batch was answered when it was closed; later corrections are in the annotations alone."""
    trained: Mapping[str, Any] = field(default_factory=_nothing)
    measured: Mapping[str, Any] = field(default_factory=_nothing)
    seconds: Mapping[str, float] = field(default_factory=_nothing)
    pool: Mapping[str, float] = field(default_factory=_nothing)
    """Facts known when the batch was asked for and, from its answers on, what it cost."""
    beside_random: Mapping[str, Mapping[str, Any]] = field(default_factory=_nothing)
    forecasts: str = ""
    """Blob with the (B, C) probabilities of the batch when it was asked for; "" where no model was asked."""
    reviews: tuple[Ask, ...] = ()
    """Labels of earlier rounds that an audit has doubts about: asked again, beside the batch."""
    reviewed: tuple[Label, ...] = ()
    """What these were answered, row by row."""

    @property
    def done(self) -> bool:
        """Whether nothing of this round is left to do."""
        return bool(self.measured)


@dataclass(frozen=True)
class RunState:
    """Where a run stands. `opened` is the body of its first event."""

    opened: Mapping[str, Any] = field(default_factory=_nothing)
    rounds: tuple[RoundState, ...] = ()
    parked: str = ""
    stopped: str = ""
    regret: Mapping[str, float] = field(default_factory=_nothing)
    events: int = 0
    audits: Mapping[int, Mapping[str, Any]] = field(default_factory=_nothing)
    """What audits of the labels came to, by the number of rounds that there were."""
    annotations: Mapping[int, Annotation] = field(default_factory=_nothing)
    """The latest annotation of each sample; a skipped one has label None."""

    @property
    def status(self) -> str:
        """One of "new", "running", "parked" and "stopped"."""
        if not self.opened:
            return "new"
        return "stopped" if self.stopped else "parked" if self.parked else "running"

    def asked(self) -> set[int]:
        """Ids of every sample that was ever put into a batch."""
        return {ask.sample_id for round_ in self.rounds for ask in round_.asks}

    def holdout(self) -> set[int]:
        """Ids that were asked for the test set: never to be trained on."""
        return {sample_id for round_ in self.rounds for sample_id in round_.holdout}


@contextmanager
def reading(run: str) -> Iterator[None]:
    """Tell what is wrong with a ledger that was not written by poolwise in words. Raises LedgerError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise LedgerError(
            f"the ledger of run {run!r} is damaged, or was not written by poolwise ({type(error).__name__}: {error}); "
            "restore it from a copy."
        ) from error


def check_opened(run: str, opened: Mapping[str, Any]) -> None:
    """Check the body of a run's first event. Raises LedgerError: it lacks something, or has it in another form."""
    with reading(run):
        for name, kind in OPENED.items():
            if not isinstance(opened[name], kind):
                raise TypeError(f"{name} is a {type(opened[name]).__name__}")


def fold(events: Iterable[Event], annotations: Iterable[Annotation] = ()) -> RunState:
    """The state after these events; later annotations of a sample stand for earlier ones."""
    state = RunState()
    for event in events:
        state = apply(state, event)
    return replace(state, annotations=MappingProxyType({row.sample_id: row for row in annotations}))


def apply(state: RunState, event: Event) -> RunState:
    """The state after one more event.

    Raises:
        LedgerError: an event of a newer version than this program knows.
    """
    if event.version > VERSION:
        raise LedgerError(
            f"event {event.seq} has version {event.version}, this program reads up to {VERSION}; install a newer poolwise."
        )
    state = replace(state, events=event.seq + 1)
    return _STEPS[event.kind](state, event)


def ask_from(body: Mapping[str, Any]) -> Ask:
    """An `Ask` from its JSON form."""
    suggestion = body["suggestion"]
    if not isinstance(body["sample_id"], int):
        raise TypeError(f"sample_id is {body['sample_id']!r}")
    return Ask(**{**body, "suggestion": tuple(suggestion) if isinstance(suggestion, list) else suggestion})


def _opened(state: RunState, event: Event) -> RunState:
    return replace(state, opened=event.body)


def _changed(state: RunState, event: Event) -> RunState:
    # Other settings may let a stopped run go on (a larger budget): the plan decides anew.
    return replace(state, opened={**state.opened, **event.body}, stopped="", regret={})


def _queried(state: RunState, event: Event) -> RunState:
    round_ = RoundState(
        round=event.round,
        asks=tuple(ask_from(ask) for ask in event.body["asks"]),
        holdout=frozenset(event.body["holdout"]),
        seconds=event.body["seconds"],
        pool=event.body.get("pool", {}),
        beside_random=event.body.get("beside_random", {}),
        forecasts=event.body.get("forecasts", ""),
        reviews=tuple(ask_from(ask) for ask in event.body.get("reviews", ())),
    )
    return replace(state, rounds=(*state.rounds, round_), parked="")


def _emitted(state: RunState, event: Event) -> RunState:
    return _in_round(state, event, emitted=True)


def _received(state: RunState, event: Event) -> RunState:
    return replace(state, parked="")


def _closed(state: RunState, event: Event) -> RunState:
    labels, reviewed = (
        tuple(tuple(label) if isinstance(label, list) else label for label in event.body.get(name, ()))
        for name in ("labels", "reviewed")
    )
    pool = {**state.rounds[-1].pool, **event.body.get("pool", {})}
    return replace(_in_round(state, event, closed=True, labels=labels, reviewed=reviewed, pool=pool), parked="")


def _trained(state: RunState, event: Event) -> RunState:
    return _in_round(state, event, trained=event.body)


def _measured(state: RunState, event: Event) -> RunState:
    return _in_round(state, event, measured=event.body)


def _audited(state: RunState, event: Event) -> RunState:
    return replace(state, audits=MappingProxyType({**state.audits, event.round: event.body}))


def _parked(state: RunState, event: Event) -> RunState:
    return replace(state, parked=event.body["message"])


def _stopped(state: RunState, event: Event) -> RunState:
    return replace(state, stopped=event.body["reason"], regret=event.body.get("regret", {}))


def _in_round(state: RunState, event: Event, **change: Any) -> RunState:
    """Change the round that the event names, which is the last one."""
    last = state.rounds[-1]
    if last.round != event.round:
        raise LedgerError(
            f"event {event.seq} ({event.kind.value}) names round {event.round}, the open one is {last.round}."
        )
    seconds = {**last.seconds, **event.body.get("seconds", {})}
    return replace(state, rounds=(*state.rounds[:-1], replace(last, seconds=seconds, **change)))


_STEPS = {
    Kind.RUN_OPENED: _opened,
    Kind.SETTINGS_CHANGED: _changed,
    Kind.BATCH_QUERIED: _queried,
    Kind.BATCH_EMITTED: _emitted,
    Kind.LABELS_RECEIVED: _received,
    Kind.BATCH_CLOSED: _closed,
    Kind.MODEL_TRAINED: _trained,
    Kind.HOLDOUT_MEASURED: _measured,
    Kind.LABELS_AUDITED: _audited,
    Kind.RUN_PARKED: _parked,
    Kind.RUN_STOPPED: _stopped,
}

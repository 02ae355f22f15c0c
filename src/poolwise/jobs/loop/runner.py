"""Drive one run from wherever it stands until it parks or stops: what comes next follows from the ledger alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from poolwise.core.interfaces import FittedModel, StoppingRule
from poolwise.core.types import RunRecord
from poolwise.jobs.loop import steps
from poolwise.jobs.loop.parts import Parts, Settings, Workbench
from poolwise.jobs.loop.select import select
from poolwise.jobs.loop.slice import regret
from poolwise.jobs.resume import check_data, check_settings
from poolwise.jobs.samples import pool_left
from poolwise.ledger.blobs import Blobs
from poolwise.ledger.events import NewEvent, RunParked, RunStopped, SettingsChanged
from poolwise.ledger.state import RunState, apply
from poolwise.ledger.store import OpenLedger


class Step(str, Enum):
    """One step of a run, in the order of a round."""

    OPEN = "open"
    SELECT = "select"
    EMIT = "emit"
    COLLECT = "collect"
    TRAIN = "train"
    MEASURE = "measure"
    AUDIT = "audit"
    STOP = "stop"
    DONE = "done"


@dataclass(frozen=True)
class Next:
    """The step to take; `size` samples if it is SELECT, `reason` if it is STOP."""

    step: Step
    size: int = 0
    reason: str = ""


def next_step(state: RunState, settings: Settings, rules: Sequence[StoppingRule], pool_left: int) -> Next:
    """Return the step that follows from the ledger alone, so that a resumed run does what an unbroken one would.

    Args:
        state: where the run stands.
        settings: sizes of the batches.
        rules: any of them stops the run.
        pool_left: samples that could still be asked.
    """
    if state.begun is None:
        return Next(Step.OPEN)
    if state.stopped:
        return Next(Step.DONE)
    if state.rounds and not state.rounds[-1].done:
        return Next(_within_round(state))
    if audit_due(state, settings):
        return Next(Step.AUDIT)
    return _between_rounds(state, settings, rules, pool_left)


def audit_due(state: RunState, settings: Settings) -> bool:
    """Return whether the labels are to be judged before the next batch is chosen."""
    count, every = len(state.rounds), settings.audit_every
    return bool(every and count and count % every == 0 and count not in state.audits)


def _within_round(state: RunState) -> Step:
    round_ = state.rounds[-1]
    if not round_.emitted:
        return Step.EMIT
    if not round_.closed:
        return Step.COLLECT
    return Step.MEASURE if round_.trained else Step.TRAIN


def _between_rounds(state: RunState, settings: Settings, rules: Sequence[StoppingRule], pool_left: int) -> Next:
    for rule in rules:
        reason = rule.reason(state.records, metric=state.opened.metric, pool_left=pool_left)
        if reason and state.rounds:
            return Next(Step.STOP, reason=reason)
    test = 0 if state.rounds else settings.test_size
    wanted = settings.query_size if state.rounds else _seed_set(state, settings)
    limits = [limit for rule in rules if (limit := rule.allowance(state.records)) is not None]
    size = min([wanted, max(0, pool_left - test), *limits]) + min(test, pool_left)
    if size == 0 and state.rounds:
        return Next(Step.STOP, reason="no sample is left in the unlabelled pool")
    return Next(Step.SELECT, size=size)


def _seed_set(state: RunState, settings: Settings) -> int:
    """Return the size of round 0, which asks for what the labels that came with the data do not cover."""
    given = sum(annotation.label is not None for annotation in state.annotations.values())
    return max(0, settings.seed_size - given)


LOG = logging.getLogger("poolwise")


def run_loop(parts: Parts, ledger: OpenLedger) -> RunRecord:
    """Take steps until people are to answer (status "parked") or the run is over ("stopped"). The caller holds the lock.

    Every step ends with its fact in the ledger; a process that dies loses at most the step it was in.

    Raises:
        SettingsChanged, DataChanged: the run began with others.
    """
    state = ledger.state(parts.run)
    if state.events:
        state = _resume(state, parts, ledger)
    return _drive(state, parts, ledger)


def _resume(state: RunState, parts: Parts, ledger: OpenLedger) -> RunState:
    changed = check_settings(parts.run, state.opened.config, parts.config)
    check_data(parts.run, state.opened.digests, parts.images.manifest, state.opened.data)
    if changed:
        fact = SettingsChanged(dict(parts.config), parts.command)
        state = apply(state, ledger.append(parts.run, state.events, NewEvent(len(state.rounds), fact)))
    return state


def _drive(state: RunState, parts: Parts, ledger: OpenLedger) -> RunRecord:
    bench = Workbench(Blobs(parts.folder / "blobs", ledger.check))
    while True:
        coming = _next(state, parts)
        if coming.step is Step.DONE:
            break
        ledger.check()  # a batch file is not written over that of another run
        events = _take(coming, state, parts, bench)
        for event in events:
            state = apply(state, ledger.append(parts.run, state.events, event))
        if not events or isinstance(events[-1].fact, RunParked):
            break
        if coming.step is Step.AUDIT or (coming.step is Step.MEASURE and not audit_due(state, parts.settings)):
            _round_done(state, parts)
    return state.record(parts.run, parts.folder)


def _next(state: RunState, parts: Parts) -> Next:
    left = len(pool_left(state, parts.images.manifest)) if state.begun else 0
    return next_step(state, parts.settings, parts.rules, left)


def _take(coming: Next, state: RunState, parts: Parts, bench: Workbench) -> list[NewEvent]:
    LOG.info("%s: round %d: %s", parts.run, _round_of(coming, state), coming.step.value)
    if coming.step is Step.COLLECT:
        return steps.collect(state, parts)
    if coming.step is Step.STOP:
        return [NewEvent(len(state.rounds), RunStopped(coming.reason, regret(state, parts)))]
    if coming.step is Step.OPEN:
        return [steps.open_run(parts)]
    if coming.step is Step.SELECT:
        return [select(state, parts, bench, coming.size)]
    if coming.step is Step.EMIT:
        return [steps.emit(state, parts)]
    if coming.step is Step.AUDIT:
        return [steps.audit(state, parts, bench)]
    return [steps.train(state, parts, bench) if coming.step is Step.TRAIN else steps.measure(state, parts, bench)]


def _round_of(coming: Next, state: RunState) -> int:
    return len(state.rounds) - (coming.step in (Step.EMIT, Step.COLLECT, Step.TRAIN, Step.MEASURE))


def _round_done(state: RunState, parts: Parts) -> None:
    record = state.record(parts.run, parts.folder)
    limits = [limit for rule in parts.rules if (limit := rule.allowance(())) is not None]
    parts.display.round_done(record, min(limits, default=None))
    figures = None if parts.round_figures is None else parts.round_figures(record)
    parts.tracker.sync(record, round_figures=figures)


def last_model(parts: Parts, ledger: OpenLedger) -> Callable[[], FittedModel] | None:
    """Return how to get a run's last model, or None before there is one."""
    trained = [round_.checkpoint for round_ in ledger.state(parts.run).rounds if round_.trained]
    if not trained:
        return None
    bench = Workbench(Blobs(parts.folder / "blobs"))
    return lambda: bench.model(trained[-1], parts)

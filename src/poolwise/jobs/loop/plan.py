"""What comes next: a pure function of where the run stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from poolwise.core.interfaces import StoppingRule
from poolwise.jobs.loop.parts import Settings
from poolwise.ledger.state import RunState


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
    """Round 0 asks for what the labels that came with the data do not cover."""
    given = sum(annotation.label is not None for annotation in state.annotations.values())
    return max(0, settings.seed_size - given)

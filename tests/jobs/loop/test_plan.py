from dataclasses import replace
from pathlib import Path

import pytest

from poolwise.core.types import Annotation
from poolwise.jobs.loop.parts import Settings
from poolwise.jobs.loop.plan import Step, next_step
from poolwise.jobs.loop.record import run_record
from poolwise.jobs.loop.stopping.budget import Budget
from poolwise.ledger.events import Event, Kind
from poolwise.ledger.state import RunState, fold

OPENED = {
    "strategy": "margin",
    "config": {},
    "command": "",
    "metric": "accuracy",
    "data": {},
    "unreadable": [],
    "left_out": [],
}
ASK = {"sample_id": 7, "path": "x", "suggestion": None, "probability": None, "score": None, "reason": ""}
TRAINED = {"checkpoint": "c", "fit": {}, "labelled": 1, "labels_digest": "", "seconds": {}}
MEASURED = {"metrics": {"accuracy": 0.5}, "per_class": {}, "confusion": None, "seconds": {}}
ROUND = [
    (Kind.BATCH_QUERIED, {"asks": [ASK], "holdout": [], "seconds": {}}),
    (Kind.BATCH_EMITTED, {"message": ""}),
    (Kind.BATCH_CLOSED, {"answered": 1, "skipped": 0, "missing": [], "labels": ["cat"]}),
    (Kind.MODEL_TRAINED, TRAINED),
    (Kind.HOLDOUT_MEASURED, MEASURED),
]
CAT = Annotation(7, "cat", "a", 0, "csv", "")


def state(events: int) -> RunState:
    facts = [(Kind.RUN_OPENED, OPENED), *ROUND][:events]
    return fold([Event(at, kind, 0, body, "") for at, (kind, body) in enumerate(facts)], [CAT] if events > 3 else [])


def coming(now: RunState, rules=(), left=9, **settings):
    record = run_record("r", Path(), now) if now.opened else None
    return next_step(now, record, Settings(**{"seed": 0, "seed_size": 5, "query_size": 3, **settings}), rules, left)


@pytest.mark.parametrize(
    ("events", "step"),
    [
        (0, Step.OPEN),
        (1, Step.SELECT),
        (2, Step.EMIT),
        (3, Step.COLLECT),
        (4, Step.TRAIN),
        (5, Step.MEASURE),
        (6, Step.SELECT),
    ],
)
def test_each_event_leads_to_the_next_step(events, step):
    assert coming(state(events)).step is step


def test_round_0_asks_for_the_seed_set_and_the_test_set():
    assert coming(state(1), left=99, test_size=10).size == 15
    assert coming(state(1), rules=[Budget(3)], left=99, test_size=10).size == 13


def test_labels_that_came_with_the_data_count_for_the_seed_set():
    given = {at: replace(CAT, sample_id=at) for at in range(4)}
    assert coming(replace(state(1), annotations=given)).size == 1


def test_a_batch_is_cut_to_the_budget_and_to_the_pool():
    assert coming(state(6), rules=[Budget(3)]).size == 2
    assert coming(state(6), left=1).size == 1


def test_a_spent_budget_and_an_empty_pool_stop_the_run():
    assert coming(state(6), rules=[Budget(1)]) == next_step_stop("the budget of 1 labels is spent")
    assert coming(state(6), left=0) == next_step_stop("no sample is left in the unlabelled pool")


def next_step_stop(reason):
    from poolwise.jobs.loop.plan import Next

    return Next(Step.STOP, reason=reason)

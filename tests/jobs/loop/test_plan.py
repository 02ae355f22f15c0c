from dataclasses import replace

import pytest

from builders import opened
from poolwise.core.types import Annotation, Ask
from poolwise.jobs.loop.parts import Settings
from poolwise.jobs.loop.runner import Step, next_step
from poolwise.jobs.loop.stopping.budget import Budget
from poolwise.ledger.events import (
    BatchClosed,
    BatchEmitted,
    BatchQueried,
    Event,
    HoldoutMeasured,
    ModelTrained,
)
from poolwise.ledger.state import RunState, fold

ROUND = [
    BatchQueried((Ask(7, "x"),)),
    BatchEmitted(""),
    BatchClosed(1, 0, labels=("cat",)),
    ModelTrained("c", {}, 1, ""),
    HoldoutMeasured({"accuracy": 0.5}),
]
CAT = Annotation(7, "cat", "a", 0, "csv", "")


def state(events: int) -> RunState:
    facts = [opened().fact, *ROUND][:events]
    return fold([Event(0, fact, seq=at) for at, fact in enumerate(facts)], [CAT] if events > 3 else [])


def coming(now: RunState, rules=(), left=9, **settings):
    return next_step(now, Settings(**{"seed": 0, "seed_size": 5, "query_size": 3, **settings}), rules, left)


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
    from poolwise.jobs.loop.runner import Next

    return Next(Step.STOP, reason=reason)

import pytest

from poolwise.core.errors import ConfigError
from poolwise.core.types import Ask, RoundRecord
from poolwise.jobs.loop.stopping.budget import Budget
from poolwise.jobs.loop.stopping.plateau import Plateau
from poolwise.jobs.loop.stopping.target import Target
from poolwise.jobs.loop.stopping.worth import Worth


def record(score=None, labels=("a", "b"), held_out=()):
    metrics = {} if score is None else {"accuracy": score}
    asks = tuple(Ask(at, "") for at in range(len(labels)))
    return RoundRecord(0, 0, 0, asks, labels, metrics, {}, None, {}, {}, "", held_out=frozenset(held_out))


def reason(rule, *scores):
    return rule.reason([record(score) for score in scores], metric="accuracy", pool_left=9)


def test_budget_counts_answers_and_not_skips():
    rule = Budget(4)
    assert rule.allowance([record(labels=("a", None, "b"))]) == 2
    assert rule.reason([record(), record()], metric="accuracy", pool_left=9) == "the budget of 4 labels is spent"


def test_the_test_set_costs_nothing_of_the_budget():
    assert Budget(4).allowance([record(labels=("a", "b", "a"), held_out=[0, 1])]) == 3


def test_target_wants_its_rounds_running():
    assert reason(Target(0.9, rounds=2), 0.95, 0.89, 0.91) == ""
    assert "target of 0.9" in reason(Target(0.9, rounds=2), 0.8, 0.9, 0.91)


def test_target_goes_on_while_nothing_is_measured():
    assert reason(Target(0.9), None) == ""


def test_plateau_compares_the_best_of_the_last_rounds_with_the_best_before():
    assert reason(Plateau(2, 0.01), 0.5, 0.7, 0.69, 0.72) == ""
    assert "gained +0.0050" in reason(Plateau(2, 0.01), 0.5, 0.7, 0.69, 0.705)
    assert reason(Plateau(2, 0.01), 0.7, 0.7) == ""


@pytest.mark.parametrize("make", [lambda: Budget(0), lambda: Plateau(0), lambda: Target(0.5, rounds=0)])
def test_impossible_settings_are_refused(make):
    with pytest.raises(ConfigError, match="at least 1"):
        make()


def bought(scores, batch=20, **facts):
    """Rounds that each add a batch of answers."""
    labels = ("a",) * batch
    asks = tuple(Ask(at, "") for at in range(batch))
    return [
        RoundRecord(at, batch * (at + 1), 0, asks, labels, {"accuracy": score}, {}, None, {}, {}, "", **facts)
        for at, score in enumerate(scores)
    ]


RISING = [0.95 - 1.5 * (20 * at) ** -0.5 for at in range(1, 13)]


def test_worth_goes_on_while_a_batch_brings_more_than_it_costs():
    # 20 labels more than 240: 0.38 points by the law
    rounds = bought(RISING)
    assert Worth(value=80).reason(rounds, metric="accuracy", pool_left=9) == ""
    told = Worth(value=30).reason(rounds, metric="accuracy", pool_left=9)
    assert told.startswith("the next 20 labels are expected to bring 0.")
    assert told.endswith("and to cost 20")


def test_worth_counts_what_answers_cost():
    rounds = bought(RISING, pool={"cost": 5.0})
    assert Worth(value=30).reason(rounds, metric="accuracy", pool_left=9) == ""


def test_worth_wants_its_rounds_running_and_three_sizes():
    rounds = bought(RISING)
    assert Worth(value=1e-6, rounds=2).reason(rounds[:3], metric="accuracy", pool_left=9) == ""
    assert Worth(value=1e-6, rounds=1).reason(rounds[:3], metric="accuracy", pool_left=9)
    assert Worth(value=1e-6, rounds=1).reason(rounds[:2], metric="accuracy", pool_left=9) == ""
    assert Worth(value=1.0).reason([], metric="accuracy", pool_left=9) == ""
    assert Worth(value=1.0).reason(rounds, metric="macro_f1", pool_left=9) == ""


@pytest.mark.parametrize(
    ("options", "match"), [({"value": 0}, "Worth.value"), ({"value": 1, "rounds": 0}, "Worth.rounds")]
)
def test_worth_refuses_what_makes_no_sense(options, match):
    with pytest.raises(ConfigError, match=match):
        Worth(**options)

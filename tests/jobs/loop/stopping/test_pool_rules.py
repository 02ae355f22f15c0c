"""Rules that look at the pool: by hand."""

import dataclasses

import pytest

from poolwise.core.errors import ConfigError
from poolwise.core.types import Ask, RoundRecord
from poolwise.jobs.loop.stopping.classification_change import ClassificationChange
from poolwise.jobs.loop.stopping.cost import Cost
from poolwise.jobs.loop.stopping.mean_uncertainty import MeanUncertainty
from poolwise.jobs.loop.stopping.min_distance import MinDistance
from poolwise.jobs.loop.stopping.stable_predictions import StablePredictions

EMPTY = RoundRecord(0, 0, 0, (), (), {}, {}, None, {}, {}, "")


def rounds(fact, *values):
    """A round a value; None: the round does not know."""
    return [dataclasses.replace(EMPTY, pool={} if value is None else {fact: value}) for value in values]


def reason(rule, *values):
    (fact,) = rule.wants or ["cost"]
    return rule.reason(rounds(fact, *values), metric="accuracy", pool_left=9)


def test_it_is_the_mean_kappa_that_must_reach_the_threshold():
    assert "mean kappa 0.9900 over 3 rounds" in reason(StablePredictions(), None, 0.5, 0.98, 0.995, 0.995)
    assert reason(StablePredictions(), None, 0.98, 0.985, 0.995) == ""


def test_a_window_of_kappas_is_waited_for():
    assert reason(StablePredictions(), None, 1.0, 1.0) == ""
    assert reason(StablePredictions(), None, 1.0, 1.0, 1.0)
    assert reason(StablePredictions(window=1), None, 1.0)


def test_rounds_that_lack_the_fact_break_the_window():
    assert reason(StablePredictions(), 1.0, 1.0, None, 1.0, 1.0) == ""


def test_every_one_of_the_last_rounds_must_have_changed_little():
    assert "at most 1.00% of the predictions" in reason(ClassificationChange(), None, 0.3, 0.01, 0.0)
    assert reason(ClassificationChange(), None, 0.3, 0.0) == ""


def test_the_paper_stops_when_nothing_changed_at_all():
    assert reason(ClassificationChange(0.0, 1), None, 0.0)
    assert reason(ClassificationChange(0.0, 1), None, 0.001) == ""


def test_mean_uncertainty_looks_at_the_last_round_alone():
    assert "is 0.0499, below 0.05" in reason(MeanUncertainty(), 0.9, 0.0499)
    assert reason(MeanUncertainty(), 0.01, 0.05) == ""
    assert reason(MeanUncertainty(), 0.01, None) == ""


def test_min_distance_stops_when_the_farthest_candidate_is_near():
    assert "as far as 2 from what is labelled; the farthest is at 1.5" in reason(MinDistance(2.0), None, 3.0, 1.5)
    assert reason(MinDistance(2.0), None, 2.0) == ""
    assert reason(MinDistance(2.0), None) == ""


def test_cost_adds_up_over_all_rounds():
    assert reason(Cost(10), 4.5, 5.5) == "10 has been spent, of a limit of 10"
    assert reason(Cost(10), 4.5, 5.4) == ""


def test_costs_are_summed_up_unasked():
    """`wants` names what is computed for a rule alone; costs are there whenever the data have them."""
    assert Cost(1).wants == frozenset()


def test_an_answer_costs_one_where_costs_are_unknown_and_a_skip_nothing():
    asked = dataclasses.replace(EMPTY, asks=(Ask(1, ""), Ask(2, ""), Ask(3, "")), labels=("a", None, "b"))
    assert Cost(5).reason([asked, asked], metric="accuracy", pool_left=9) == ""
    assert Cost(4).reason([asked, asked], metric="accuracy", pool_left=9)
    assert Cost(7).reason([asked, *rounds("cost", 5.0)], metric="accuracy", pool_left=9)


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (lambda: StablePredictions(window=0), "window is 0"),
        (lambda: StablePredictions(threshold=99), "threshold is 99"),
        (lambda: ClassificationChange(threshold=5), "threshold is 5"),
        (lambda: ClassificationChange(patience=0), "patience is 0"),
        (lambda: MeanUncertainty(0.0), "threshold is 0"),
        (lambda: MinDistance(0.0), "distance is 0"),
        (lambda: Cost(0), "limit is 0"),
    ],
)
def test_impossible_settings_are_refused_by_name(make, option):
    with pytest.raises(ConfigError, match=option):
        make()

import math

import numpy as np
import pytest

from poolwise.metric.standings import regime_ranks, setting_of, summed_penalties

COUNTS = [10, 20, 30]


def curves(**scores):
    """strategy -> seed -> curve, from a list of scores a seed."""
    return {name: {seed: (COUNTS, row) for seed, row in enumerate(rows)} for name, rows in scores.items()}


RANDOM = [[0.5, 0.6, 0.7], [0.4, 0.6, 0.7], [0.45, 0.58, 0.71]]
BETTER = [[0.5, 0.7, 0.8], [0.4, 0.71, 0.79], [0.45, 0.7, 0.82]]


def standing(found, name):
    return next(row for row in found.standings if row.strategy == name)


def test_a_strategy_that_is_ahead_on_every_seed_is_above():
    found = setting_of(curves(random=RANDOM, better=BETTER), reference="random")
    row = standing(found, "better")
    assert row.verdict == "above"
    assert row.rank == 1
    assert row.area == pytest.approx(np.mean([0.675, 0.6525, 0.6675]))  # (0.5 + 2 * 0.7 + 0.8) / 4, ...
    assert row.against.mean == pytest.approx(row.area - standing(found, "random").area)


def test_labels_are_counted_to_the_references_best_on_mean_curves():
    found = setting_of(curves(random=[[0.5, 0.6, 0.7]], better=[[0.5, 0.8, 0.9]]), reference="random")
    row = standing(found, "better")
    assert row.labels == pytest.approx(10 + 10 * 0.2 / 0.3)
    assert row.reference_labels == 30
    assert row.ratio == pytest.approx(30 / row.labels)


def test_the_references_best_counts_and_not_its_last():
    found = setting_of(curves(random=[[0.5, 0.8, 0.6]], better=[[0.5, 0.7, 0.9]]), reference="random")
    assert standing(found, "better").labels == pytest.approx(20 + 10 * 0.1 / 0.2)
    assert standing(found, "better").reference_labels == 20


def test_a_strategy_that_never_gets_there_needs_infinitely_many():
    found = setting_of(curves(random=[[0.5, 0.6, 0.7]], worse=[[0.5, 0.5, 0.6]]), reference="random")
    assert math.isinf(standing(found, "worse").labels)


def test_the_shared_start_is_no_point_of_the_penalty_matrix():
    found = setting_of(curves(random=RANDOM, better=BETTER), reference="random")
    assert found.penalty.tolist() == [[0, 0], [1, 0]]  # beaten at both points after the start


def test_a_missing_seed_is_missing_for_all_who_are_compared():
    some = curves(random=RANDOM, better=BETTER)
    del some["better"][1]
    found = setting_of(some, reference="random")
    assert found.shared == (0, 2)
    assert standing(found, "better").against.pairs == 2
    assert len(standing(found, "random").seeds) == 3


def test_rounds_that_one_curve_lacks_are_left_out():
    some = curves(random=RANDOM, better=BETTER)
    some["better"][0] = ([10, 30], [0.5, 0.8])
    assert setting_of(some, reference="random").counts == (10, 30)


def test_the_upper_bound_is_described_and_not_ranked():
    found = setting_of(curves(random=RANDOM, better=BETTER, oracle=BETTER), reference="random", bound="oracle")
    assert [row.strategy for row in found.standings] == ["random", "better"]
    assert found.bound.area == standing(found, "better").area
    assert math.isnan(found.bound.rank)
    assert [pair[:2] for pair in found.pairs] == [("random", "better")]


def test_one_seed_gives_differences_without_verdicts():
    found = setting_of(curves(random=RANDOM[:1], better=BETTER[:1]), reference="random")
    assert standing(found, "better").verdict == ""
    assert standing(found, "better").against.mean > 0


def test_without_the_reference_there_is_still_a_ranking():
    found = setting_of(curves(one=RANDOM, two=BETTER), reference="random")
    assert standing(found, "two").rank == 1
    assert standing(found, "two").verdict == ""


def test_settings_are_summed_up():
    first = setting_of(curves(random=RANDOM, better=BETTER), reference="random")
    second = setting_of(curves(random=BETTER, better=RANDOM, third=RANDOM), reference="random")
    assert regime_ranks([first, second]) == {"random": 1.5, "better": 1.75}
    names, matrix = summed_penalties([first, second])
    assert names == ["random", "better", "third"]
    assert matrix[1, 0] == 1
    assert matrix[0, 1] == 1

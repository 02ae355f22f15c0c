import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from poolwise.core.errors import InvalidArray
from poolwise.metric.comparison import holm, mean_ranks, paired_difference, pairwise, penalty_matrix

RNG = np.random.default_rng(0)


def test_the_paired_test_and_its_interval_are_scipys():
    ours, theirs = RNG.random(7), RNG.random(7)
    found, known = paired_difference(ours, theirs, level=0.9), stats.ttest_rel(ours, theirs)
    interval = known.confidence_interval(0.9)
    assert (found.p, found.low, found.high) == pytest.approx((known.pvalue, interval.low, interval.high))


def test_one_pair_has_a_difference_and_no_more():
    found = paired_difference([0.5], [0.25])
    assert (found.mean, found.pairs) == (0.25, 1)
    assert math.isnan(found.p)
    assert math.isnan(found.low)


def test_differences_without_spread_are_judged_by_their_signs():
    assert paired_difference([0.5, 0.7], [0.5, 0.7]).p == 1
    assert paired_difference([0.6, 0.8, 0.4], [0.5, 0.7, 0.3]).p == 0.25  # all three up or all three down: 2 of 8
    assert paired_difference([0.3, 0.4, 0.5, 0.6, 0.7, 0.8], [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]).p == 2 / 64


def test_scores_that_are_missing_are_refused():
    with pytest.raises(InvalidArray, match="NaN"):
        paired_difference([0.5, math.nan], [0.5, 0.7])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_what_rejecting_step_by_step_gives(values):
    adjusted = holm(values)
    for alpha in (0.01, 0.05, 0.2):
        rejected = set()
        for at in sorted(range(len(values)), key=lambda at: values[at]):
            if values[at] * (len(values) - len(rejected)) > alpha:
                break
            rejected.add(at)
        assert {at for at in range(len(values)) if adjusted[at] <= alpha} == rejected


def test_holm_leaves_out_what_was_not_tested():
    found = holm([math.nan, 0.02, 0.03])
    assert math.isnan(found[0])
    assert found[1:].tolist() == [0.04, 0.04]


def test_ranks_are_scipys_with_ties_averaged():
    scores = RNG.integers(0, 4, (20, 5)) / 4
    naive = np.mean([stats.rankdata(-row) for row in scores], axis=0)
    assert mean_ranks(scores) == pytest.approx(naive)
    assert np.isnan(mean_ranks(np.empty((0, 3)))).all()


def test_every_pair_is_compared_once():
    pairs, found, p = pairwise(RNG.random((5, 4)))
    assert len(pairs) == len(found) == len(p) == 6
    assert all(corrected >= each.p for each, corrected in zip(found, p, strict=True))


def test_the_penalty_matrix_counts_wins_point_by_point():
    base = RNG.random((6, 1)) * 0.1
    noise = RNG.normal(0, 1e-3, (4, 6, 3))
    scores = base + noise + np.array([0.2, 0.1, 0.1])  # the first beats both others, they are even
    matrix = penalty_matrix(scores)
    assert matrix[0].tolist() == [0, 1, 1]
    assert matrix[1:, 0].tolist() == [0, 0]


def test_chance_alone_seldom_fills_the_penalty_matrix():
    noise = np.random.default_rng(1).normal(0, 1, (300, 5, 6))
    assert penalty_matrix(noise).sum() < 0.08


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_chance_on_a_coarse_grid_claims_no_more(seeds):
    right = np.random.default_rng(2).normal(90, 0.7, (300, seeds, 6)).round()  # of 100 test pictures
    claims = [penalty_matrix(point[None] / 100).any() for point in right]
    assert np.mean(claims) < 0.05 + 0.038  # and three standard errors

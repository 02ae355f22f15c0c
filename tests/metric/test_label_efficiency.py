import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.core.errors import InvalidArray
from poolwise.metric.label_efficiency import area_under_curve, chance_difference, compare, labels_to_reach, score_at

scores_of = st.lists(st.floats(0, 1), min_size=2, max_size=12)


def counts_for(scores):
    return [10 * (at + 1) for at in range(len(scores))]


@given(scores_of)
def test_area_is_the_trapezoids_over_the_range(scores):
    counts = counts_for(scores)
    expected = np.diff(counts) @ (np.array(scores[1:]) + scores[:-1]) / 2 / (counts[-1] - counts[0])
    assert area_under_curve(counts, scores) == pytest.approx(expected, abs=1e-12)


def test_area_between_points_is_interpolated():
    assert area_under_curve([10, 20], [0.0, 1.0], 12, 14) == pytest.approx(0.3)


def test_area_of_one_point_is_its_score():
    assert area_under_curve([10], [0.7]) == 0.7


def test_area_outside_the_curve_is_unknown():
    assert math.isnan(area_under_curve([10, 20], [0.1, 0.2], 5, 20))


@given(scores_of, st.floats(0, 1))
def test_labels_to_reach_is_the_first_crossing_of_the_running_maximum(scores, level):
    counts = counts_for(scores)
    needed = labels_to_reach(counts, scores, level)
    best = np.maximum.accumulate(scores)
    if math.isinf(needed):
        assert max(scores) < level
    else:
        assert score_at(counts, best, needed) >= level - 1e-9
        assert counts[0] <= needed <= counts[int(np.argmax(best >= level))]


def test_a_dip_does_not_delay_what_was_reached_before():
    assert labels_to_reach([10, 20, 30, 40], [0.5, 0.8, 0.4, 0.9], 0.85) == pytest.approx(35)


def test_a_level_held_from_the_start_costs_the_first_labels():
    assert labels_to_reach([10, 20], [0.9, 0.95], 0.5) == 10


@given(scores_of)
def test_a_curve_against_itself_shows_no_difference(scores):
    found = compare(counts_for(scores), scores, counts_for(scores), scores)
    assert (found.ratio, found.difference) == (1, 0)
    assert found.area == found.control_area


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=10))
def test_swapping_the_curves_inverts_the_ratio(pairs):
    ours, theirs = zip(*pairs, strict=True)
    counts = counts_for(ours)
    there, back = compare(counts, ours, counts, theirs), compare(counts, theirs, counts, ours)
    assert there.ratio * back.ratio == pytest.approx(1)
    assert there.difference == -back.difference


def test_a_falling_metric_is_compared_the_other_way_round():
    found = compare([10, 20, 30], [0.5, 0.2, 0.1], [10, 20, 30], [0.5, 0.4, 0.2], higher_is_better=False)
    assert (found.level, found.labels, found.control_labels) == (0.2, 20, 30)
    assert found.difference == pytest.approx(-0.1)


def test_curves_of_unequal_length_are_compared_where_both_are_known():
    found = compare([10, 20], [0.5, 0.7], [10, 20, 40], [0.5, 0.6, 0.7])
    assert (found.end, found.level, found.control_labels) == (20, 0.7, 40)
    assert found.difference == pytest.approx(0.1)


def test_curves_that_do_not_overlap_have_no_difference():
    found = compare([10, 20], [0.5, 0.7], [30, 40], [0.6, 0.7])
    assert math.isnan(found.difference)
    assert math.isnan(found.area)


@pytest.mark.parametrize(
    ("counts", "scores"),
    [
        ([], []),
        ([10, 10], [0.1, 0.2]),
        ([20, 10], [0.1, 0.2]),
        ([0, 10], [0.1, 0.2]),
        ([10], [math.nan]),
        ([1, 2], [1]),
    ],
)
def test_what_is_no_curve_is_refused(counts, scores):
    with pytest.raises(InvalidArray, match="labels|curve"):
        area_under_curve(counts, scores)


def test_chance_difference_covers_95_of_100_pairs_of_test_sets():
    rng = np.random.default_rng(0)
    drawn = rng.binomial(360, 0.93, size=(4000, 2)) / 360
    inside = [abs(a - b) <= chance_difference(a, b, 360) for a, b in drawn]
    assert 0.94 < np.mean(inside) < 0.97


def test_chance_remains_where_everything_is_right():
    assert 0 < chance_difference(1, 1, 100) < 0.03

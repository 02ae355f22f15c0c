"""The area under the margin."""

import numpy as np
import pytest

import poolwise
from poolwise.core.errors import InvalidArray
from poolwise.quality.label_error.training_dynamics import (
    area_under_margin,
    cut_off,
    flagged_by_margin,
    margins,
    threshold_samples,
)


def test_margins_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((5, 30, 4)), rng.integers(4, size=30)
    expected = [
        [logits[t, row, label] - np.delete(logits[t, row], label).max() for row, label in enumerate(labels)]
        for t in range(5)
    ]
    np.testing.assert_allclose(margins(labels, logits[0]), expected[0])
    np.testing.assert_allclose(area_under_margin(labels, logits), np.mean(expected, axis=0))


def test_threshold_samples_of_two_trainings_differ_and_are_one_class_more():
    labels = np.arange(100) % 4
    first = threshold_samples(labels, 4, np.random.default_rng(0))
    second = threshold_samples(labels, 4, np.random.default_rng(1), apart=first)
    assert len(first) == len(second) == 20
    assert not np.intersect1d(first, second).size


def test_what_is_learnt_no_better_than_threshold_samples_is_called_wrong():
    areas = np.array([-5.0, -4.0, -3.5, 0.0, 3.0])
    assert cut_off(areas, np.array([0, 1]), 100) == -4
    assert flagged_by_margin(areas, np.array([0, 2]), 100).tolist() == [False, True, False, False, False]


def test_the_ranking_is_that_of_the_areas_and_the_count_that_of_the_probabilities():
    rng = np.random.default_rng(0)
    labels, probs, areas = rng.integers(3, size=90), rng.dirichlet(np.ones(3), 90), 9 * rng.standard_normal(90)
    found = poolwise.find_label_errors(labels, probs, margins=areas, method="area_under_margin")
    assert (found.ranking == np.argsort(areas)).all()
    assert ((found.quality < 0.5) == (areas < 0)).all()
    assert found.count == poolwise.find_label_errors(labels, probs).count
    assert found.expected[-1] == pytest.approx(poolwise.find_label_errors(labels, probs).expected[-1], rel=0.2)
    assert (np.diff(found.expected) >= 0).all()


@pytest.mark.parametrize("areas", [None, [1.0], [1.0, np.nan], [[1.0], [2.0]]])
def test_margins_must_be_one_a_sample(areas):
    with pytest.raises(InvalidArray, match="margins"):
        poolwise.find_label_errors([0, 1], np.eye(2), margins=areas, method="area_under_margin")

"""Votes of neighbours and of the label itself."""

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.quality.label_error.detectors import LabelView
from poolwise.quality.label_error.simifeat import Mode, SimiFeat, flagged_by_rank, polls, votes
from quality.label_error.data import clouds

RATES = 0.85 * np.eye(3) + 0.05


def view_of(given, points):
    return LabelView(given, np.full((len(given), 3), 1 / 3, dtype=np.float32), points)


def test_votes_are_those_of_a_loop():
    _, given, points = clouds(60, RATES, spread=0.5)
    there = np.random.default_rng(1).random(60) < 0.9
    found, own = votes(given, polls(given, points, 6), there, 3, 6)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)
    for row in range(60):
        near = [other for other in np.argsort(-cosines[row]) if there[other] and cosines[row, other] > 0][:6]
        expected = np.bincount(given[near], weights=cosines[row, near], minlength=3)
        np.testing.assert_allclose(found[row], expected, atol=1e-5)
        np.testing.assert_allclose(own[row], min(1, 2 * cosines[row, near[0]] - cosines[row, near[1]]), atol=1e-5)


@pytest.mark.parametrize("mode", list(Mode))
def test_what_most_draws_call_wrong_is_below_one_half_and_mostly_wrong(mode):
    true, given, points = clouds(600, RATES)
    detector = SimiFeat(mode)
    evidence = detector.evidence(view_of(given, points))
    wrong = detector.quality(given, evidence) < 0.5
    assert (true != given)[wrong].mean() > 0.9
    assert wrong[true != given].mean() > 0.9
    np.testing.assert_allclose(evidence.sum(axis=1), 1, atol=1e-5)
    assert (evidence.argmax(axis=1)[wrong] == true[wrong]).mean() > 0.9


def test_the_label_itself_has_a_vote():
    given, points = np.array([0, 1, 0]), np.array([[1.0, 0.0], [1.0, 0.02], [0.0, 1.0]], dtype=np.float32)
    alone = SimiFeat(neighbours=2, draws=1, share=1.0).evidence(view_of(given, points))
    assert (alone[np.arange(3), given] > 0.5).all()


def test_a_rank_takes_all_that_are_equal_and_nothing_that_is_agreed_on():
    soft = np.array([[0.6, 0.8], [0.6, 0.8], [1.0, 0.0], [1.0, 0.0]])
    labels = np.zeros(4, dtype=int)
    assert flagged_by_rank(labels, soft, np.array([0.25, 0.05])).tolist() == [True, True, False, False]
    assert flagged_by_rank(labels, soft, np.array([0.95, 0.05])).tolist() == [True, True, False, False]


@pytest.mark.parametrize("wrong", [{"neighbours": 1}, {"draws": 0}, {"share": 0.0}])
def test_options_that_cannot_be_are_told(wrong):
    with pytest.raises(ConfigError, match="SimiFeat"):
        SimiFeat(**wrong)

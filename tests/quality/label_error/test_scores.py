"""Label quality by hand, by a slow loop, and what must hold of every measure."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.quality.label_error import self_confidence as module
from poolwise.quality.label_error.detectors import MEASURES, Measure

PROBS = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
LABELS = np.array([0, 0, 0, 0])


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (Measure.SELF_CONFIDENCE, [0.5, 0.1, 1, 0]),
        (Measure.NORMALISED_MARGIN, [0.6, 0.15, 1, 0]),  # (.5 - .3 + 1) / 2, (.1 - .8 + 1) / 2
        (Measure.ODDS, [0.5 / 0.8, 0.1 / 0.9, 1, 0]),
    ],
)
def test_measures_by_hand(measure, expected):
    np.testing.assert_allclose(MEASURES[measure](LABELS, PROBS), expected, atol=1e-5)


def test_weighted_entropy_is_that_of_a_loop():
    found = MEASURES[Measure.WEIGHTED_ENTROPY](LABELS, PROBS)
    for row in range(2):
        entropy = -sum(p * math.log(p) for p in PROBS[row])
        weight = entropy / (math.log(3) * PROBS[row, 0])
        assert found[row] == pytest.approx(math.log1p(weight) / weight)
    assert found[2:].tolist() == [1, 0]


@pytest.mark.parametrize("measure", Measure)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 99))
def test_every_measure_is_finite_in_its_range_and_row_by_row(measure, count, classes, seed):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(classes, 0.2), count).astype(np.float32)
    labels = rng.integers(classes, size=count)
    found = MEASURES[measure](labels, probs)
    assert ((found >= 0) & (found <= 1)).all()
    order = rng.permutation(count)
    np.testing.assert_array_equal(MEASURES[measure](labels[order], probs[order]), found[order])


@pytest.mark.parametrize("measure", Measure)
def test_blocks_change_nothing(measure, monkeypatch):
    rng = np.random.default_rng(0)
    probs, labels = rng.dirichlet(np.ones(5), 100), rng.integers(5, size=100)
    whole = MEASURES[measure](labels, probs)
    monkeypatch.setattr(module, "BLOCK", 35)
    np.testing.assert_array_equal(MEASURES[measure](labels, probs), whole)


@pytest.mark.parametrize("measure", Measure)
def test_a_label_that_the_model_is_sure_of_is_better_than_one_it_rules_out(measure):
    probs = np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01]])
    good, bad = MEASURES[measure](np.array([0, 0]), probs)
    assert good > bad

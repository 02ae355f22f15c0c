import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poolwise.core.types import Task
from poolwise.query.acquisition.confidence import entropy, least_confidence, margin, two_most_probable

SCORES = [least_confidence, margin, entropy]


def drawn(rows=200, classes=5, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), size=rows)


def modal_function(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import modAL.uncertainty
    return getattr(modAL.uncertainty, name)


class Stored:
    def predict_proba(self, rows, **_):
        return rows


@pytest.mark.parametrize(
    ("score", "name", "flip"),
    [
        (least_confidence, "classifier_uncertainty", False),
        (margin, "classifier_margin", True),
        (entropy, "classifier_entropy", False),
    ],
)
def test_each_score_equals_modal(score, name, flip):
    theirs = modal_function(name)(Stored(), drawn())
    np.testing.assert_allclose(score(drawn()), 1 - theirs if flip else theirs, atol=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_an_even_row_scores_highest_and_a_certain_row_zero(score):
    scores = score(np.array([[1.0, 0, 0], [0.6, 0.3, 0.1], [1 / 3, 1 / 3, 1 / 3]]))
    assert scores[0] == 0 < scores[1] < scores[2]


@given(arrays(np.float64, (4, 3), elements=st.floats(0, 1)))
def test_multilabel_entropy_and_confidence_average_the_binary_ones(q):
    for score in (entropy, least_confidence):
        binary = np.stack([score(np.stack([q[:, at], 1 - q[:, at]], axis=1)) for at in range(3)])
        np.testing.assert_allclose(score(q, Task.MULTILABEL), binary.mean(axis=0), atol=1e-6)


@given(arrays(np.float64, (4, 3), elements=st.floats(0, 1)))
def test_multilabel_margin_is_that_of_the_least_certain_label(q):
    binary = np.stack([margin(np.stack([q[:, at], 1 - q[:, at]], axis=1)) for at in range(3)])
    np.testing.assert_allclose(margin(q, Task.MULTILABEL), binary.max(axis=0), atol=1e-6)


@given(order=st.permutations(range(5)))
def test_the_order_of_classes_does_not_matter(order):
    for score in SCORES:
        np.testing.assert_allclose(score(drawn(20)), score(drawn(20)[:, order]), atol=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_blocks_do_not_change_scores(score, monkeypatch):
    whole = score(drawn())
    monkeypatch.setattr("poolwise.query.acquisition.confidence.BLOCK", 35)
    np.testing.assert_array_equal(score(drawn()), whole)


def test_a_single_class_is_certain():
    for score in SCORES:
        assert score(np.ones((2, 1))).tolist() == [0, 0]
    assert [rows.tolist() for rows in two_most_probable(np.ones((2, 1)))] == [[0, 0], [0, 0]]

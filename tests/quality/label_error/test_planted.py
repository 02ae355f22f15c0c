"""Planted errors and the count that they give."""

import numpy as np
import pytest

from poolwise.quality.label_error.label_errors import expected_errors
from poolwise.quality.label_error.planted import confusions, expected_count, flipped, plant
from poolwise.quality.label_error.self_confidence import odds


def even(classes):
    return (1 - np.eye(classes)) / (classes - 1)


def test_the_same_share_of_each_class_is_changed_and_to_another():
    labels = np.repeat([0, 1, 2], [100, 50, 30])
    found = plant(labels, 0.1, even(3), np.random.default_rng(0))
    assert np.bincount(labels[found != labels]).tolist() == [10, 5, 3]
    assert (plant(labels, 0.1, even(3), np.random.default_rng(0)) == found).all()


def test_changes_follow_the_shape():
    towards = np.array([[0, 0.8, 0.2], [1, 0, 0], [0.5, 0.5, 0]])
    labels = np.repeat([0, 1, 2], 3000)
    found = flipped(labels, towards, np.random.default_rng(0))
    shares = np.stack([np.bincount(found[labels == k], minlength=3) / 3000 for k in range(3)])
    np.testing.assert_allclose(shares, towards, atol=0.03)


def test_confusions_of_a_class_without_samples_are_even():
    found = confusions(np.array([0, 0]), np.array([[0.5, 0.4, 0.1], [0.5, 0.2, 0.3]]))
    np.testing.assert_allclose(found, [[0, 0.6, 0.4], [0.5, 0, 0.5], [0.5, 0.5, 0]])


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_the_count_is_near_the_truth_where_classes_are_apart(share):
    rng = np.random.default_rng(1)
    true = rng.integers(4, size=4000)
    logits = rng.standard_normal((4000, 4)) + 5 * np.eye(4)[true]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = plant(true, share, even(4), rng)
    count, low, high = expected_count(lambda given: odds(given, probs), labels, even(4), np.random.default_rng(0))
    wrong = (labels != true).sum()
    assert abs(count - wrong) <= 0.2 * wrong + 10
    assert low <= count <= high


def test_no_more_are_expected_than_were_looked_at():
    rng = np.random.default_rng(0)
    found = expected_errors(np.sort(rng.random(50)), np.sort(rng.random(90) / 3), 20)
    assert (np.diff(found) >= 0).all()
    assert (found <= np.arange(1, 51)).all()
    assert found[-1] == 20

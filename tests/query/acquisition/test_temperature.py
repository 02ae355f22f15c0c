"""Calibration by one number."""

import numpy as np
import pytest

from poolwise.core.types import Task
from poolwise.query.acquisition.temperature import rescaled, temperature


def drawn(count=6000, classes=5, seed=0):
    """Probabilities, and labels drawn by them: the truth is calibrated at temperature 1."""
    rng = np.random.default_rng(seed)
    odds = np.exp(1.5 * rng.standard_normal((count, classes)))
    probs = odds / odds.sum(axis=1, keepdims=True)
    labels = (probs.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1).clip(0, classes - 1)
    return probs.astype(np.float32), labels


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found_again(true):
    probs, labels = drawn()
    assert temperature(rescaled(probs, 1 / true), labels) == pytest.approx(true, rel=0.15)


@pytest.mark.parametrize("true", [0.5, 3.0])
def test_a_known_temperature_is_found_again_of_independent_labels(true):
    rng = np.random.default_rng(0)
    probs = rng.random((5000, 4)).astype(np.float32)
    labels = (rng.random((5000, 4)) < probs).astype(np.int8)
    given = rescaled(probs, 1 / true, Task.MULTILABEL)
    assert temperature(given, labels, Task.MULTILABEL) == pytest.approx(true, rel=0.15)


def test_rescaling_is_the_softmax_of_logits_over_the_temperature():
    logits = np.random.default_rng(0).standard_normal((50, 4))
    softmax = [np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) for z in (logits, logits / 2.5)]
    np.testing.assert_allclose(rescaled(softmax[0], 2.5), softmax[1], atol=1e-6)
    odds = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(rescaled(odds, 0.5, Task.MULTILABEL), 1 / (1 + np.exp(-logits / 0.5)), atol=1e-6)
    assert np.isfinite(rescaled(odds, 1e-3, Task.MULTILABEL)).all()


@pytest.mark.parametrize("at", [0.1, 1.0, 10.0])
def test_certain_rows_stay_certain_and_many_classes_do_not_vanish(at):
    assert rescaled(np.eye(3, dtype=np.float32), at).tolist() == np.eye(3).tolist()
    assert rescaled(np.eye(2, dtype=np.float32), at, Task.MULTILABEL).tolist() == np.eye(2).tolist()
    np.testing.assert_allclose(rescaled(np.full((2, 9999), 1 / 9999), at).sum(axis=1), 1, rtol=1e-4)


def test_a_model_that_is_always_right_is_left_no_less_sure():
    assert temperature(np.tile([[0.7, 0.3]], (50, 1)), np.zeros(50, dtype=int)) < 1

"""Samples with any number of labels."""

import numpy as np
import pytest

import poolwise
from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.quality.label_error.multilabel import Aggregate, aggregated, flagged_by_class, joints, one_changed

LABELS = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 1, 0], [1, 1, 0], [0, 1, 0]])
PROBS = np.array(
    [
        [0.09, 0.24, 0.8],
        [0.58, 0.09, 0.43],
        [0.48, 0.16, 0.73],
        [0.11, 0.39, 0.52],
        [0.43, 0.59, 0.74],
        [0.96, 0.28, 0.65],
    ]
)


def some(count=800, classes=4, wrong=60):
    """Labels of which the first rows have one wrong, probabilities, embeddings."""
    rng = np.random.default_rng(0)
    true = (rng.random((count, classes)) < 0.3).astype(int)
    labels = true.copy()
    labels[np.arange(wrong), rng.integers(classes, size=wrong)] ^= 1
    points = true + 0.25 * rng.standard_normal((count, classes))
    return (
        labels,
        1 / (1 + np.exp(-6 * (true - 0.5) - rng.standard_normal((count, classes)))),
        points - points.mean(axis=0),
    )


@pytest.mark.parametrize(
    ("method", "how", "expected"),
    [
        ("self_confidence", "ema", [0.1344, 0.1564, 0.5664, 0.4244, 0.3004, 0.0908]),
        ("self_confidence", "softmin", [0.118064, 0.111975, 0.553321, 0.418274, 0.295445, 0.071466]),
        ("normalised_margin", "ema", [0.1344, 0.1564, 0.5664, 0.4244, 0.3004, 0.0908]),
        ("weighted_entropy", "ema", [0.386494, 0.394681, 0.58264, 0.520959, 0.466604, 0.350877]),
        ("weighted_entropy", "softmin", [0.392932, 0.410448, 0.6018, 0.527263, 0.489542, 0.368571]),
    ],
)
def test_qualities_are_those_recorded_from_cleanlab(method, how, expected):
    found = poolwise.find_label_errors(LABELS, PROBS, method=method, aggregate=how)
    np.testing.assert_allclose(found.quality, expected, atol=2e-6)


def test_the_average_moves_from_the_best_to_the_worst():
    quality = np.array([[0.5, 0.25, 1.0]])
    assert aggregated(quality)[0] == pytest.approx(0.8 * 0.25 + 0.2 * (0.8 * 0.5 + 0.2 * 1.0))
    assert aggregated(quality, Aggregate.MIN)[0] == 0.25
    assert aggregated(quality, Aggregate.MEAN)[0] == pytest.approx(1.75 / 3)
    assert 0.25 < aggregated(quality, Aggregate.SOFTMIN)[0] < 0.3


@pytest.mark.parametrize(
    "method", ["auto", "odds", "confident_learning", "neighbour_vote", "simifeat", "ensemble", "planted"]
)
def test_wrong_rows_come_first_with_the_label_to_change(method):
    labels, probs, points = some()
    found = poolwise.find_label_errors(labels, probs, embeddings=points, method=method)
    assert (found.ranking[:60] < 60).mean() > 0.6
    assert found.by_class.shape == labels.shape
    assert ((found.by_class >= 0) & (found.by_class <= 1)).all()
    assert found.suggested.shape == labels.shape
    assert (found.suggested[:60] != labels[:60]).any(axis=1).mean() > 0.5
    assert found.count_interval[0] <= found.count <= found.count_interval[1]


def test_the_count_is_of_samples_with_a_wrong_label():
    labels, probs, points = some()
    found = poolwise.find_label_errors(labels, probs, embeddings=points)
    assert 40 <= found.count <= 90
    assert set(found.estimates) == {"planted", "confident_joint", "disagreement"}
    assert all(told.low <= told.count <= told.high for told in found.estimates.values())


def test_each_class_has_a_joint_of_its_own():
    labels, probs, _ = some()
    found = joints(labels, probs)
    assert found.shape == (4, 2, 2)
    np.testing.assert_allclose(found.sum(axis=2)[:, 1], labels.sum(axis=0))
    assert flagged_by_class(labels, probs).sum() == pytest.approx(found[:, 0, 1].sum() + found[:, 1, 0].sum(), abs=8)


def test_one_label_of_each_row_is_changed():
    labels, _, _ = some()
    found = one_changed(labels, np.random.default_rng(0))
    assert (np.abs(found - labels).sum(axis=1) == 1).all()
    has = labels.any(axis=1) & ~labels.all(axis=1)
    assert 0.4 < ((found - labels).sum(axis=1)[has] < 0).mean() < 0.6


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_rows_have_an_answer(count):
    found = poolwise.find_label_errors(np.zeros((count, 2), dtype=int), np.full((count, 2), 0.1))
    assert len(found.ranking) == count
    assert found.count == 0


@pytest.mark.parametrize(
    ("labels", "probs", "options", "error", "told"),
    [
        (np.zeros((2, 3), int), np.zeros((2, 2)), {}, InvalidArray, "labels must have 2 columns"),
        (np.full((2, 2), -1), np.zeros((2, 2)), {}, InvalidArray, "hold -1"),
        (np.full((2, 2), 2), np.zeros((2, 2)), {}, InvalidArray, "of 0 and 1"),
        (np.zeros((2, 2), int), np.full((2, 2), 1.5), {}, InvalidArray, "must lie in"),
        (np.zeros((2, 2), int), np.zeros((2, 2)), {"aggregate": "max"}, ConfigError, "aggregate must be"),
        (np.zeros((2, 2), int), np.zeros((2, 2)), {"margins": [1, 2]}, ConfigError, "one label each"),
    ],
)
def test_what_does_not_fit_is_told(labels, probs, options, error, told):
    with pytest.raises(error, match=told):
        poolwise.find_label_errors(labels, probs, **options)

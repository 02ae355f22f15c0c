import numpy as np

from poolwise.core.types import Head
from poolwise.query.acquisition.dropout import disagreement


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_dropout_counts_equal_a_loop_over_the_same_masks(monkeypatch):
    monkeypatch.setattr("poolwise.query.acquisition.dropout.BLOCK", 21)
    points, head = noise(8, 7), Head(noise(3, 7, seed=1), noise(3, seed=2))
    predicted = (points @ head.weights.T + head.bias).argmax(axis=1)
    found = disagreement(points, head, predicted, 5, 0.75, np.random.default_rng(3))
    rng, expected = np.random.default_rng(3), []
    for rows in (slice(0, 3), slice(3, 6), slice(6, 8)):
        masks = [rng.random(points[rows].shape, dtype=np.float32) >= 0.75 for _ in range(5)]
        passes = [((points[rows] * mask * 4) @ head.weights.T + head.bias).argmax(axis=1) for mask in masks]
        expected += (np.array(passes) != predicted[rows]).sum(axis=0).tolist()
    assert found.tolist() == expected


def test_rows_far_from_a_boundary_survive_dropout():
    head = Head(np.array([[1.0] * 50, [-1.0] * 50], dtype=np.float32), np.zeros(2, dtype=np.float32))
    points = np.stack([np.full(50, 3.0), np.tile([1.0, -0.99], 25)]).astype(np.float32)
    found = disagreement(points, head, np.array([0, 0]), 200, 0.75, np.random.default_rng(0))
    assert found[0] == 0
    assert 40 < found[1] < 160

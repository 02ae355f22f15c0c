import numpy as np
import pytest

from poolwise.core.types import Head
from poolwise.geometry.flips import farthest, flip_distances


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def test_a_step_just_short_of_the_flip_keeps_the_class_and_one_just_past_it_does_not(monkeypatch):
    monkeypatch.setattr("poolwise.geometry.neighbours.BLOCK", 300)
    points, head = noise(50, 6), Head(noise(4, 6, seed=1), noise(4, seed=2))
    probs = softmax(points @ head.weights.T + head.bias)
    far, to = flip_distances(points, head, probs)
    gradients = (probs - np.eye(4)[probs.argmax(axis=1)]) @ head.weights
    gradients /= np.linalg.norm(gradients, axis=1, keepdims=True)
    for share, expected in ((0.999, probs.argmax(axis=1)), (1.001, to)):
        moved = points + share * far[:, None] * gradients
        assert ((moved @ head.weights.T + head.bias).argmax(axis=1) == expected).all()


def test_certain_rows_never_flip():
    head = Head(np.ones((2, 1), dtype=np.float32), np.zeros(2, dtype=np.float32))
    far, to = flip_distances(np.ones((1, 1), dtype=np.float32), head, np.array([[1.0, 0.0]], dtype=np.float32))
    assert far.tolist() == [np.inf]
    assert to.tolist() == [0]


def test_farthest_equals_all_pairs():
    points, targets = noise(30, 3) + 50, noise(7, 3, seed=1) + 50
    gaps = np.linalg.norm(points[:, None] - targets[None], axis=2).max(axis=1)
    assert farthest(points, targets) == pytest.approx(gaps, rel=1e-4)

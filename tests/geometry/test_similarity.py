import numpy as np

from poolwise.geometry.similarity import mean_closeness, mean_cosine


def noise(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)


def test_mean_cosine_and_closeness_equal_all_pairs(monkeypatch):
    monkeypatch.setattr("poolwise.geometry.neighbours.BLOCK", 50)
    points, others = noise(40, 3) + 1, noise(9, 3, seed=1)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    np.testing.assert_allclose(mean_cosine(points), (unit @ unit.T).mean(axis=1), atol=1e-6)
    gaps = np.linalg.norm(points[:, None] - others[None], axis=2)
    np.testing.assert_allclose(mean_closeness(points, others), (1 / (1 + gaps)).mean(axis=1), atol=1e-6)

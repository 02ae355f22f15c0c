import numpy as np

from poolwise.geometry.apart import nearest_others
from poolwise.geometry.herding import width


def test_the_nearest_other_is_no_copy():
    points = np.array([[1.0, 0.0], [1.0, 0.0], [3.0, 3.0]], dtype=np.float32)
    assert nearest_others(points).round(3).tolist() == [0.765, 0.765, 0.765]
    assert nearest_others(points[:2]).size == 0
    assert nearest_others(points[:0]).size == 0


def test_it_is_the_distance_of_a_loop():
    rows = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    gaps = np.linalg.norm(unit[:, None] - unit[None], axis=2) + np.eye(50) * 9
    np.testing.assert_allclose(nearest_others(rows), gaps.min(axis=1), atol=1e-3)
    assert np.isclose(nearest_others(rows).min(), width(rows, np.random.default_rng(0)), atol=1e-6)

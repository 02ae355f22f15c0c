import numpy as np
import pytest

from poolwise.geometry.apart import least_apart, nearest_others


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
    assert np.isclose(nearest_others(rows).min(), least_apart(rows, np.random.default_rng(0)), atol=1e-6)


@pytest.mark.parametrize("width", [64, 256, 1024])
def test_a_row_is_never_its_own_neighbour_by_rounding(width):
    rows = np.random.default_rng(0).standard_normal((300, width)).astype(np.float32)
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float64)
    gaps = np.sqrt([np.sort(((unit - row) ** 2).sum(axis=1))[1] for row in unit])
    np.testing.assert_allclose(nearest_others(rows), gaps, rtol=1e-5)
    assert least_apart(rows, np.random.default_rng(0)) == pytest.approx(gaps.min(), rel=1e-5)


def test_rows_of_zeros_are_copies_of_each_other():
    assert nearest_others(np.array([[0, 0], [0, 0], [3, 4]], dtype=np.float32)).tolist() == [1, 1, 1]

import numpy as np
import pytest

from poolwise.geometry.apart import least_apart


def apart(rows):
    return least_apart(np.asarray(rows, dtype=np.float32), np.random.default_rng(0))


def test_copies_do_not_count():
    assert apart([[1, 0], [1, 0], [3, 3]]) == pytest.approx(np.sqrt(2 - np.sqrt(2)))
    assert apart([[1, 0], [2, 0]]) == apart([[1, 0]]) == apart(np.empty((0, 2))) == least_apart(None, None) == 1


def test_rows_of_zeros_are_copies_of_each_other():
    assert apart([[0, 0], [0, 0], [3, 4]]) == 1


@pytest.mark.parametrize("width", [3, 64, 256, 1024])
def test_it_is_the_distance_of_a_loop_and_no_row_is_its_own_neighbour_by_rounding(width):
    rows = np.random.default_rng(0).standard_normal((300, width)).astype(np.float32)
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float64)
    gaps = [np.sqrt(np.sort(((unit - row) ** 2).sum(axis=1))[1]) for row in unit]
    assert apart(rows) == pytest.approx(min(gaps), rel=1e-5)


def test_of_many_rows_some_are_compared():
    rows = np.random.default_rng(0).standard_normal((50, 5)).astype(np.float32)
    assert least_apart(rows, np.random.default_rng(0), most=5) > least_apart(rows, np.random.default_rng(0))

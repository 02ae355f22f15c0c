import numpy as np
import pytest

from poolwise.geometry.kernel_width import kernel_width


def width_of(rows):
    return kernel_width(np.asarray(rows, dtype=np.float32), np.random.default_rng(0))


def test_copies_do_not_count():
    assert width_of([[1, 0], [1, 0], [3, 3]]) == pytest.approx(np.sqrt(2 - np.sqrt(2)))
    assert (
        width_of([[1, 0], [2, 0]]) == width_of([[1, 0]]) == width_of(np.empty((0, 2))) == kernel_width(None, None) == 1
    )


def test_rows_of_zeros_are_copies_of_each_other():
    assert width_of([[0, 0], [0, 0], [3, 4]]) == 1


@pytest.mark.parametrize("width", [3, 64, 256, 1024])
def test_it_is_the_distance_of_a_loop_and_no_row_is_its_own_neighbour_by_rounding(width):
    rows = np.random.default_rng(0).standard_normal((300, width)).astype(np.float32)
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float64)
    gaps = [np.sqrt(np.sort(((unit - row) ** 2).sum(axis=1))[1]) for row in unit]
    assert width_of(rows) == pytest.approx(min(gaps), rel=1e-5)


def test_of_many_rows_some_are_compared():
    rows = np.random.default_rng(0).standard_normal((50, 5)).astype(np.float32)
    assert kernel_width(rows, np.random.default_rng(0), most=5) > kernel_width(rows, np.random.default_rng(0))

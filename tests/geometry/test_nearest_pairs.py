import numpy as np

from poolwise.geometry.near_pairs import near_pairs
from poolwise.geometry.nearest_pairs import nearest_pairs


def test_all_pairs_are_found_where_each_row_has_few():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((400, 16))
    points[200:] = points[:200] * 3 + 0.01 * rng.standard_normal((200, 16))
    some, whole = nearest_pairs(points, 0.95, 3), near_pairs(points, 0.95)
    assert some.rows.tolist() == whole.rows.tolist()
    np.testing.assert_allclose(some.cosine, whole.cosine, atol=1e-6)


def test_a_heap_has_no_more_pairs_than_neighbours():
    points = 1 + 0.001 * np.random.default_rng(0).standard_normal((300, 8))
    found = nearest_pairs(points, 0.9, 4)
    assert len(found.rows) <= 300 * 4
    assert not found.complete


def test_zeros_and_lone_rows_are_in_no_pair():
    assert len(nearest_pairs(np.zeros((5, 3)), 0.5, 2).rows) == 0
    assert nearest_pairs(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]), 0.5, 2).rows.tolist() == [[1, 2]]


def test_a_second_test_has_the_last_word():
    points = np.ones((4, 2))
    found = nearest_pairs(points, 0.9, 3, agrees=lambda pairs: pairs[:, 0] == 0)
    assert found.rows.tolist() == [[0, 1], [0, 2], [0, 3]]

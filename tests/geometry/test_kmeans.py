import numpy as np
import pytest

from poolwise.geometry.kmeans import central_rows, kmeans


def rng(seed=0):
    return np.random.default_rng(seed)


def test_weighted_centres_go_where_the_weight_is():
    points = np.concatenate([np.zeros((500, 1)), np.arange(10)[:, None] + 100.0]).astype(np.float32)
    weights = np.array([0] * 500 + [1] * 10, dtype=np.float32)
    clusters, distance = kmeans(points, 10, rng(), 20, weights)
    assert len(set(clusters[500:].tolist())) == 10
    assert distance[500:].max() < 1e-3


def test_a_weighted_centre_is_the_weighted_mean():
    points, weights = np.array([[0.0], [4.0]], dtype=np.float32), np.array([3, 1], dtype=np.float32)
    assert kmeans(points, 1, rng(), 5, weights)[1].tolist() == pytest.approx([1, 3], abs=1e-5)


@pytest.mark.parametrize("weights", [None, np.zeros(20, dtype=np.float32)])
def test_central_rows_on_copies_are_fewer_and_distinct(weights):
    points = np.repeat(np.array([[0.0], [5.0]], dtype=np.float32), 10, axis=0)
    rows, members = central_rows(points, 6, rng(), 10, weights)
    assert len(set(rows.tolist())) == len(rows) <= 6
    assert members.sum() == 20

import numpy as np
import pytest

from poolwise.geometry.kmeans import central_rows, kmeans


def rng(seed=0):
    return np.random.default_rng(seed)


def within(points, clusters):
    """Summed squared distance of rows to the mean of their cluster."""
    members = [points[clusters == number] for number in np.unique(clusters)]
    return sum(((rows - rows.mean(axis=0)) ** 2).sum() for rows in members)


@pytest.mark.parametrize("width", [16, 100])
def test_many_blobs_are_found_nearly_as_well_as_by_scikit_learn(width):
    from sklearn.cluster import KMeans

    means = 10 * rng(1).standard_normal((50, width))
    points = (np.repeat(means, 20, axis=0) + rng(2).standard_normal((1000, width))).astype(np.float32)
    ours = np.mean([within(points, kmeans(points, 50, rng(seed))[0]) for seed in range(5)])
    theirs = np.mean([KMeans(50, n_init=1, random_state=seed).fit(points).inertia_ for seed in range(5)])
    assert ours < 1.1 * theirs


@pytest.mark.parametrize("weights", [None, np.arange(300) % 3])
def test_a_sample_of_the_rows_is_enough_to_begin_with(weights, monkeypatch):
    monkeypatch.setattr("poolwise.geometry.kmeans.START_ROWS", 1)
    points = (np.repeat(np.arange(3), 100)[:, None] * 50 + rng().standard_normal((300, 1))).astype(np.float32)
    clusters, _ = kmeans(points, 3, rng(), weights=weights)
    assert [len(set(clusters[at : at + 100].tolist())) for at in (0, 100, 200)] == [1, 1, 1]
    assert len(set(clusters.tolist())) == 3


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

"""Neighbours' shares against a loop; duplicates vote once."""

import numpy as np
import pytest

from poolwise.geometry import k_nearest
from poolwise.quality.label_error.neighbour_vote import neighbour_shares


def some(count=80, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(3, size=count), rng.standard_normal((count, 5)).astype(np.float32)


def slow(labels, points, classes, k, groups=None):
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    cosine = units @ units.T
    shares = np.zeros((len(labels), classes))
    for row in range(len(labels)):
        seen = set() if groups is None or groups[row] < 0 else {groups[row]}
        left = k
        for other in np.argsort(-cosine[row], kind="stable"):
            if other == row or left == 0 or cosine[row, other] <= 0 or labels[other] < 0:
                continue
            if groups is not None and groups[other] in seen:
                continue
            if groups is not None and groups[other] >= 0:
                seen.add(groups[other])
            shares[row, labels[other]] += cosine[row, other]
            left -= 1
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("k", [1, 7])
def test_shares_are_those_of_a_loop(k):
    labels, points = some()
    np.testing.assert_allclose(neighbour_shares(labels, points, 3, k), slow(labels, points, 3, k), atol=1e-5)


def test_a_duplicate_group_votes_once_and_not_for_itself():
    labels, points = some()
    groups = np.where(np.arange(80) < 20, np.arange(80) // 2, -1)
    found = neighbour_shares(labels, points, 3, 5, groups)
    np.testing.assert_allclose(found, slow(labels, points, 3, 5, groups), atol=1e-5)


def test_copies_with_a_wrong_label_do_not_outvote_the_rest():
    points = np.concatenate([np.tile([[1.0, 0.0]], (6, 1)), [[1.0, 0.2], [1.0, 0.21], [1.0, 0.22]]])
    labels, groups = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0]), np.array([0] * 6 + [-1] * 3)
    assert neighbour_shares(labels, points, 2, 3)[6].argmax() == 0
    assert neighbour_shares(labels, points, 2, 8)[6].argmax() == 1
    assert neighbour_shares(labels, points, 2, 8, groups)[6].argmax() == 0


def test_the_own_label_has_no_vote_also_among_copies():
    points = np.ones((4, 2))
    assert neighbour_shares(np.array([1, 0, 0, 0]), points, 2, 3)[0].tolist() == [1, 0]


def test_without_a_vote_shares_are_even():
    assert neighbour_shares(np.array([0]), np.ones((1, 2)), 4).tolist() == [[0.25] * 4]
    opposite = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert neighbour_shares(np.array([0, 1]), opposite, 2).tolist() == [[0.5, 0.5]] * 2


def test_samples_without_a_label_have_no_vote_and_get_shares():
    labels, points = some()
    labels[::4] = -1
    found = neighbour_shares(labels, points, 3, 79)
    np.testing.assert_allclose(found, slow(labels, points, 3, 79), atol=1e-5)


def test_large_sets_are_searched_by_cells_and_agree_mostly(monkeypatch):
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=3000)
    points = (4 * np.eye(3)[labels] + rng.standard_normal((3000, 3))).astype(np.float32)
    exact = neighbour_shares(labels, points, 3)
    monkeypatch.setattr(k_nearest, "EXACT_UP_TO", 100)
    assert (neighbour_shares(labels, points, 3).argmax(axis=1) == exact.argmax(axis=1)).mean() > 0.97

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poolwise.core.types import Task
from poolwise.geometry.gradients import Gradients, residuals
from poolwise.geometry.groups import average_linkage
from poolwise.geometry.k_center import farthest_first
from poolwise.geometry.kmeans import kmeans, spread_greedily, spread_out
from poolwise.geometry.neighbours import nearest, unit_rows


def noise(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)


def all_distances(points, others):
    return np.linalg.norm(points[:, None].astype(np.float64) - others[None], axis=2)


def test_nearest_equals_brute_force_across_blocks(monkeypatch):
    monkeypatch.setattr("poolwise.geometry.neighbours.BLOCK", 35)
    monkeypatch.setattr("poolwise.geometry.neighbours.COLUMNS", 5)
    points, targets = noise(30, 4) + 1000, noise(23, 4, seed=1) + 1000
    which, far = nearest(points, targets)
    assert which.tolist() == all_distances(points, targets).argmin(axis=1).tolist()
    np.testing.assert_allclose(far, all_distances(points, targets).min(axis=1), rtol=1e-3)


@given(arrays(np.float32, (5, 3), elements=st.floats(-10, 10, width=32)))
def test_unit_rows_have_length_one_or_stay_zero(points):
    points[np.abs(points) < 1e-3] = 0
    lengths = np.linalg.norm(unit_rows(points), axis=1)
    assert np.allclose(lengths, np.where(points.any(axis=1), 1, 0), atol=1e-5)


@pytest.mark.parametrize("front", [3, 50, 5000])
@pytest.mark.parametrize("centred", [True, False])
def test_farthest_first_is_the_exact_greedy(front, centred, monkeypatch):
    monkeypatch.setattr("poolwise.geometry.k_center.FRONT", front)
    points, centres = noise(300, 3), noise(4, 3, seed=1) if centred else None
    rows, far = farthest_first(points, 60, np.random.default_rng(0), centres)
    covered = points[rows[:1]] if centres is None else centres
    for at, row in enumerate(rows):
        if centred or at:
            gaps = all_distances(points, covered).min(axis=1)
            assert gaps[row] == pytest.approx(gaps.max(), rel=1e-4)
            assert far[at] == pytest.approx(gaps.max(), rel=1e-4)
        covered = np.concatenate([covered, points[row : row + 1]])
    assert len(set(rows.tolist())) == 60
    assert (np.diff(far) <= 1e-5).all()


def test_farthest_first_on_copies_takes_every_row_once():
    rows, far = farthest_first(np.ones((9, 2), dtype=np.float32), 9, np.random.default_rng(0))
    assert sorted(rows.tolist()) == list(range(9))
    assert far.tolist() == [0] * 9


def test_the_first_of_farthest_first_without_centres_is_a_fair_draw():
    rng = np.random.default_rng(0)
    firsts = [farthest_first(noise(4, 2), 1, rng)[0][0] for _ in range(400)]
    assert np.bincount(firsts, minlength=4).min() > 70


def test_copies_far_from_the_origin_are_at_gradient_distance_zero():
    features = np.tile(np.array([[1234.567, 89.01, 2345.6]], dtype=np.float32), (4, 1))
    probs = np.tile(np.array([[0.61, 0.28, 0.11]], dtype=np.float32), (4, 1))
    features[3] *= 1.5
    gradients = Gradients.of(probs, features)
    found = gradients.squared_distances(slice(None), np.arange(4))
    assert (found[:3, :3] == 0).all()
    assert (found[3, :3] > 0).all()
    # a difference too small to be told from rounding is none
    near = Gradients.of(probs[:2], features[:2] * np.array([[1], [1 + 1e-7]], dtype=np.float32))
    assert (near.squared_distances(slice(None), np.arange(2)) == 0).all()


@given(
    arrays(np.float32, (6, 3), elements=st.floats(0.0625, 1, width=32)),
    arrays(np.float32, (6, 4), elements=st.floats(-8, 8, width=32)),
    st.sampled_from(Task),
)
def test_gradient_distances_equal_those_of_explicit_gradients(weights, features, task):
    probs = weights if task is Task.MULTILABEL else weights / weights.sum(axis=1, keepdims=True)
    explicit = np.einsum("nc,nd->ncd", residuals(probs, task), features).reshape(6, -1)
    gradients = Gradients.of(probs, features, task)
    found = gradients.squared_distances(slice(None), np.arange(6))
    scale = gradients.squared[:, None] + gradients.squared[None, :]
    assert (np.abs(found - all_distances(explicit, explicit) ** 2) <= 1e-5 * scale + 1e-6).all()
    np.testing.assert_allclose(gradients.squared, (explicit**2).sum(axis=1), rtol=1e-4, atol=1e-6)


def test_residuals_by_hand():
    assert residuals(np.array([[0.2, 0.5, 0.3]])).tolist() == [[0.2, -0.5, 0.3]]
    assert residuals(np.array([[0.25, 0.75]]), Task.MULTILABEL).tolist() == [[0.25, -0.25]]


def pairwise_of(points):
    squared = all_distances(points, points) ** 2
    return lambda rows, others: squared[rows][:, others].astype(np.float32)


def test_draws_follow_the_law_of_squared_distances():
    """Second draws directly, third draws against the law summed over second ones: rejection must not bend them."""
    points, rng, repeats = np.array([[0.0], [1.0], [2.0], [3.0]]), np.random.default_rng(0), 8000
    drawn = np.array([spread_out(pairwise_of(points), 4, 0, 3, rng)[0] for _ in range(repeats)])
    second = np.bincount(drawn[:, 1], minlength=4) / repeats
    np.testing.assert_allclose(second, np.array([0, 1, 4, 9]) / 14, atol=0.02)
    # after 1: gaps 1 and 4; after 2: gaps 1 and 1; after 3: gaps 1 and 1
    third_is_three = 1 / 14 * 4 / 5 + 4 / 14 * 1 / 2
    assert np.mean(drawn[:, 2] == 3) == pytest.approx(third_is_three, abs=0.02)


def test_draws_are_distinct_and_far_from_what_was_drawn_before(monkeypatch):
    monkeypatch.setattr("poolwise.geometry.neighbours.BLOCK", 500)
    points = noise(200, 2)
    rows, far = spread_out(pairwise_of(points), 200, 5, 150, np.random.default_rng(0))
    assert rows[0] == 5
    assert len(set(rows.tolist())) == 150
    for at in range(1, 150):
        assert far[at] == pytest.approx(all_distances(points[rows[at : at + 1]], points[rows[:at]]).min(), rel=1e-3)


def test_copies_are_drawn_evenly_once_nothing_else_is_left():
    points, rng = np.zeros((5, 1)), np.random.default_rng(0)
    drawn = [spread_out(pairwise_of(points), 5, 0, 2, rng)[0][1] for _ in range(800)]
    assert np.bincount(drawn, minlength=5)[0] == 0
    assert np.bincount(drawn, minlength=5)[1:].min() > 150


def test_a_greedy_draw_takes_the_row_that_leaves_least():
    """Far rows alone are drawn, and of those tried the one with most rows about it wins nearly always."""
    points = np.array([[0.0]] * 4 + [[10.0]] * 4 + [[10.5], [-10.0]], dtype=np.float32)
    drawn = [spread_greedily(points, np.ones(10), 3, np.random.default_rng(seed)).tolist() for seed in range(40)]
    values = [sorted(points[rows, 0].tolist()) for rows in drawn]
    assert np.mean([found in ([-10, 0, 10], [-10, 0, 10.5]) for found in values]) > 0.9


def test_a_greedy_draw_leaves_rows_without_weight_and_copies_to_the_last():
    points, weights = np.array([[0.0], [0.0], [5.0], [9.0]]), np.array([1, 1, 1, 0])
    for seed in range(10):
        drawn = spread_greedily(points, weights, 4, np.random.default_rng(seed)).tolist()
        assert sorted(points[drawn[:2], 0].tolist()) == [0, 5]
        assert sorted(drawn) == [0, 1, 2, 3]


def test_kmeans_finds_blobs_and_repeats_with_the_same_generator():
    points = np.concatenate([noise(40, 2), noise(40, 2, seed=1) + 100])
    first, again = (kmeans(points, 2, np.random.default_rng(3)) for _ in range(2))
    assert len(set(first[0][:40])) == len(set(first[0][40:])) == 1
    assert first[0][0] != first[0][-1]
    np.testing.assert_array_equal(first[1], again[1])


@pytest.mark.parametrize("exact_up_to", [1000, 30])
def test_average_linkage_finds_blobs_with_and_without_small_clusters(exact_up_to):
    points = np.concatenate([noise(60, 2, seed=at) + 50 * at for at in range(3)])
    groups = average_linkage(points, 3, np.random.default_rng(0), exact_up_to=exact_up_to)
    assert [len(set(groups[at : at + 60].tolist())) for at in (0, 60, 120)] == [1, 1, 1]
    assert sorted(set(groups.tolist())) == [0, 1, 2]


def test_more_groups_than_a_tree_can_hold_are_made_by_kmeans(monkeypatch):
    monkeypatch.setattr("poolwise.geometry.groups.MOST", 50)
    groups = average_linkage(noise(200, 2), 40, np.random.default_rng(0), exact_up_to=20)
    assert 30 < groups.max() < 40


def test_copies_share_one_group_and_a_single_row_is_one():
    assert set(average_linkage(np.ones((6, 2), dtype=np.float32), 3, np.random.default_rng(0)).tolist()) == {0}
    assert average_linkage(np.ones((1, 2), dtype=np.float32), 3, np.random.default_rng(0)).tolist() == [0]

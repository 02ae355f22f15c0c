import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.geometry import near_pairs as module
from poolwise.geometry.near_pairs import near_pairs
from poolwise.geometry.pair_graph import duplicate_groups


def all_with_all(points, threshold):
    """(P, 2) pairs by the whole matrix of cosines, in float64."""
    rows = points.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    cosine = rows @ rows.T / np.maximum(np.outer(lengths, lengths), 1e-300)
    there = np.outer(lengths > 0, lengths > 0)
    return np.argwhere(np.triu((cosine >= threshold - 1e-6) & there, 1))


def awkward(seed, count, width):
    """Noise, tight clusters, copies, scaled and rounded copies, and zeros, mixed."""
    draw = np.random.default_rng(seed)
    points = draw.normal(size=(count, width))
    points[: count // 3] = draw.normal(size=(3, width))[draw.integers(3, size=count // 3)]
    points[: count // 6] += draw.normal(0, 10.0 ** draw.integers(-4, 0), size=(count // 6, width))
    points[count // 2 : count // 2 + 9] *= draw.choice([1e-6, 0.1, 3, 1e6], size=(9, 1))
    points[-4:-2] = points[0] * [[7], [1e-3]]
    points[-2:] = 0
    return points[draw.permutation(count)].astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 9999), width=st.sampled_from([2, 5, 40]), threshold=st.sampled_from([0.3, 0.7, 0.9, 0.99, 1.0])
)
def test_pairs_are_those_of_all_with_all_whatever_is_left_out(seed, width, threshold):
    points = awkward(seed, 150, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TILE", 7)  # many cells of many tiles
        patch.setattr(module, "WIDTHS", (1, 16))
        patch.setattr(module, "PICKED", 0.1)
        found = near_pairs(points, threshold)
    assert found.complete
    assert found.rows.tolist() == all_with_all(points, threshold).tolist()


def test_pairs_are_those_of_all_with_all_at_full_size():
    points = np.concatenate([awkward(1, 2200, 48), awkward(2, 2200, 48)])
    assert near_pairs(points, 0.8, most=10**8).rows.tolist() == all_with_all(points, 0.8).tolist()


def test_a_heap_of_copies_gives_right_groups_in_few_pairs():
    points = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
    points[:600] = points[0]
    points[1998] = points[1999] * 2
    whole = near_pairs(points, 0.999, most=10**8)
    found = near_pairs(points, 0.999, most=500)
    assert whole.complete
    assert not found.complete
    assert len(found.rows) < 620 < len(whole.rows)
    np.testing.assert_array_equal(duplicate_groups(found.rows, 2000), duplicate_groups(whole.rows, 2000))


def test_a_second_test_decides_about_near_rows_only():
    asked = []
    points = np.array([[1, 0], [1, 0.01], [0, 1], [0.01, 1]], dtype=np.float32)
    found = near_pairs(points, 0.9, agrees=lambda rows: asked.extend(rows.tolist()) or rows[:, 0] == 2)
    assert sorted(asked) == [[0, 1], [2, 3]]
    assert found.rows.tolist() == [[2, 3]]


def test_zeros_are_in_no_pair_and_nothing_in_gives_nothing_out():
    assert near_pairs(np.zeros((3, 2), dtype=np.float32), 0.1).rows.shape == (0, 2)
    assert near_pairs(np.zeros((0, 2), dtype=np.float32), 0.1).rows.shape == (0, 2)


def test_groups_by_hand():
    assert duplicate_groups(np.array([[0, 3], [1, 2], [3, 5]]), 7).tolist() == [0, 1, 1, 0, -1, 0, -1]
    assert duplicate_groups(np.empty((0, 2), dtype=np.int64), 2).tolist() == [-1, -1]

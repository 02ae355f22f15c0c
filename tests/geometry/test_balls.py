"""Coverage by balls against a loop over all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.geometry.balls import cover, pure_radius


def some(count=300, width=2, seed=0):
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def distances(points):
    return np.linalg.norm(points[:, None].astype(float) - points[None], axis=2)


def naive(points, radius, size, open_rows):
    inside, left = distances(points) < radius, open_rows.copy()
    rows, counts = [], []
    while len(rows) < size and left.any():
        degree = (inside & left).sum(axis=1)
        rows.append(int(degree.argmax()))
        counts.append(int(degree.max()))
        left &= ~inside[rows[-1]]
    return rows, counts


@settings(max_examples=15)
@given(st.integers(0, 1000), st.floats(0.05, 3), st.integers(1, 300))
def test_the_picks_are_those_of_the_greedy_loop(seed, radius, size):
    points, rng = some(300, 2, seed), np.random.default_rng(seed)
    open_rows = rng.random(300) < 0.7
    rows, counts = cover(points, radius, size, open_rows)
    assert (rows.tolist(), counts.tolist()) == naive(points, radius, size, open_rows)


def test_more_rows_than_a_byte_counts_are_counted():
    points = np.vstack([np.zeros((700, 2)), np.full((3, 2), 9)]).astype(np.float32)
    rows, counts = cover(points, 1.0, 9, np.ones(703, dtype=bool))
    assert counts.tolist() == [700, 3]
    assert rows.tolist() == [0, 700]


def test_barred_rows_are_not_picked():
    rows, _ = cover(some(), 0.5, 300, np.arange(300) >= 50, barred=np.arange(50))
    assert rows.min() >= 50


def test_the_radius_is_the_largest_that_keeps_balls_pure():
    points = np.vstack([some(100), some(100, seed=1) + 6])
    other = distances(points)
    other[:100, :100] = other[100:, 100:] = np.inf
    reach = other.min(axis=1)
    radius = pure_radius(points, 2, 0.95, np.random.default_rng(0))
    assert (reach >= radius * (1 - 1e-5)).mean() >= 0.95
    assert (reach >= radius * 1.01).mean() < 0.95 + 0.01


def test_one_distinct_row_has_no_radius():
    assert pure_radius(np.ones((9, 3), dtype=np.float32), 4, 0.95, np.random.default_rng(0)) == pytest.approx(0)

"""Typicality against a loop over all pairs."""

import numpy as np
import pytest

from poolwise.geometry import k_nearest
from poolwise.geometry.density import typicality


def by_hand(points, k):
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    return 1 / np.sort(gaps, axis=1)[:, 1 : k + 1].mean(axis=1)


def some(count=200, width=8, seed=0):
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 20, 1000])
def test_it_is_one_over_the_mean_distance_to_the_nearest_others(k):
    np.testing.assert_allclose(typicality(some(), k), by_hand(some(), k), rtol=1e-4)


def test_the_search_by_cells_finds_nearly_the_same(monkeypatch):
    exact = typicality(some(3000), 10)
    monkeypatch.setattr(k_nearest, "EXACT_UP_TO", 100)
    by_cells = typicality(some(3000), 10)
    assert (by_cells <= exact * (1 + 1e-4)).all()  # a neighbour that is missed is never a nearer one
    assert np.median(by_cells / exact) > 0.97


def test_an_outlier_is_less_typical_than_any_other():
    points = np.vstack([some(), np.full((1, 8), 9.0, dtype=np.float32)])
    assert typicality(points).argmin() == 200


@pytest.mark.parametrize("shift", [0, 1000])
def test_copies_are_equally_and_finitely_typical(shift):
    found = typicality(np.repeat(some(1) + np.float32(shift), 50, axis=0))
    assert len(set(found.tolist())) == 1
    assert np.isfinite(found).all()


def test_a_lone_row_is_not_typical_and_no_row_is_no_matter():
    assert typicality(some(1)).tolist() == [0]
    assert typicality(some(0)).tolist() == []

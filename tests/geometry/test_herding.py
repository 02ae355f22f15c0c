"""Greedy kernel coverage against a loop that looks at every kernel at every pick."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.geometry import herding
from poolwise.geometry.herding import herd
from poolwise.geometry.neighbours import unit_rows


def some(count=300, width=8, seed=0):
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def kernels(points, others, sigma):
    gaps = np.linalg.norm(unit_rows(points)[:, None].astype(float) - unit_rows(others)[None], axis=2)
    return np.exp(-((gaps / sigma) ** 2))


def naive(points, size, weights, covered_by, sigma):
    every = kernels(points, points, sigma)
    covered = np.zeros(len(points)) if covered_by is None else kernels(points, covered_by, sigma).max(axis=1)
    rows, gains = [], []
    for _ in range(size):
        gain = (weights[:, None] * np.maximum(every - covered[:, None], 0)).mean(axis=0)
        gain[rows] = -1
        rows.append(int(gain.argmax()))
        gains.append(gain.max())
        covered = np.maximum(covered, every[:, rows[-1]])
    return rows, gains


@pytest.mark.parametrize("sigma", [1.0, 0.3])
@pytest.mark.parametrize("labelled", [None, some(9, seed=1)])
def test_the_picks_are_those_of_the_exact_greedy(sigma, labelled):
    weights = np.random.default_rng(2).random(300).astype(np.float32)
    rows, gains = herd(some(), 40, np.random.default_rng(0), weights=weights, covered_by=labelled, sigma=sigma)
    expected, worth = naive(some(), 40, weights, labelled, sigma)
    assert rows.tolist() == expected
    np.testing.assert_allclose(gains, worth, rtol=1e-3, atol=1e-6)


def test_ranking_by_some_rows_loses_little_coverage(monkeypatch):
    monkeypatch.setattr(herding, "PAIRS", 15_000)
    monkeypatch.setattr(herding, "RANKED_BY", 256)
    monkeypatch.setattr(herding, "COMPARED", 64)
    rows, gains = herd(some(700), 40, np.random.default_rng(0))
    assert len(set(rows.tolist())) == 40
    # a rank by 256 rows is coarser than one by the 2048 in use
    assert gains.sum() > 0.99 * sum(naive(some(700), 40, np.ones(700), None, 1.0)[1])


def test_picks_come_from_a_subset_and_tell_the_gain_on_a_subset():
    rows, gains = herd(some(2000), 30, np.random.default_rng(0), sample=500)
    assert len(set(rows.tolist())) == 30
    assert gains.sum() == pytest.approx(kernels(some(2000), some(2000)[rows], 1.0).max(axis=1).mean(), rel=0.1)


@settings(max_examples=10)
@given(st.integers(0, 100), st.floats(0.05, 3))
def test_gains_add_up_to_the_coverage_and_never_rise(seed, sigma):
    points = some(80, 3, seed)
    rows, gains = herd(points, 20, np.random.default_rng(seed), sigma=sigma)
    assert gains.sum() == pytest.approx(kernels(points, points[rows], sigma).max(axis=1).mean(), rel=1e-3)
    assert (np.diff(gains) < 1e-5).all()


def test_among_copies_every_row_is_picked_once_and_fairly():
    copies = np.ones((30, 4), dtype=np.float32)
    assert sorted(herd(copies, 30, np.random.default_rng(0))[0].tolist()) == list(range(30))
    assert len({int(herd(copies, 1, np.random.default_rng(seed))[0][0]) for seed in range(20)}) > 10


def test_rows_without_weight_need_no_cover():
    points = np.vstack([np.eye(3), np.eye(3)]).astype(np.float32)
    weights = np.array([0, 1, 0, 0, 1, 0], dtype=np.float32)
    assert herd(points, 1, np.random.default_rng(0), weights=weights)[0][0] % 3 == 1


def test_under_a_narrow_kernel_the_heaviest_rows_are_picked_also_from_a_subset():
    points, weights = some(20_000, 16), np.random.default_rng(3).random(20_000).astype(np.float32)
    rows, _ = herd(points, 100, np.random.default_rng(0), weights=weights, sigma=0.05, sample=4000)
    assert weights[rows].mean() > 0.95  # of a subset of 4,000, the best 100 weigh 0.98 or more


def test_ranking_finds_them_too(monkeypatch):
    monkeypatch.setattr(herding, "PAIRS", 1000)
    points, weights = some(5000, 16), np.random.default_rng(3).random(5000).astype(np.float32)
    rows, _ = herd(points, 50, np.random.default_rng(0), weights=weights, sigma=0.1)
    assert weights[rows].mean() > 0.97

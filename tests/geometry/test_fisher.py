import numpy as np
import pytest

from poolwise.geometry.fisher import RankMany, RankOne, forward_backward, pruned, total, total_many

WIDTH, CLASSES = 4, 3


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def one(count=30):
    points, weights = noise(count, WIDTH), np.random.default_rng(1).random(count).astype(np.float32)
    terms = [w * np.outer(x, x) for x, w in zip(points, weights, strict=True)]
    return RankOne(points, weights, np.eye(WIDTH), sum(terms)), terms


def many(count=30):
    points, roots = noise(count, WIDTH), noise(count, CLASSES, CLASSES, seed=1)
    terms = [np.kron(s @ s.T, np.outer(x, x)).astype(np.float64) for x, s in zip(points, roots, strict=True)]
    return RankMany(points, roots, np.eye(CLASSES * WIDTH), sum(terms)), terms


def traces(matrix, terms, rows, sign):
    return {row: np.trace(np.linalg.inv(matrix + sign * terms[row]) @ sum(terms)) for row in rows}


@pytest.mark.parametrize("refresh", [3, 1000])
@pytest.mark.parametrize("make", [one, many])
def test_forward_greedy_equals_inverting_anew(make, refresh, monkeypatch):
    monkeypatch.setattr("poolwise.geometry.fisher.REFRESH", refresh)
    form, terms = make()
    rows, _ = forward_backward(form, 30, 12, 12, np.random.default_rng(0))
    matrix = np.eye(len(terms[0]))
    for at, row in enumerate(rows):
        left = traces(matrix, terms, set(range(30)) - set(rows[:at].tolist()), 1)
        assert left[row] == pytest.approx(min(left.values()), rel=1e-4)
        matrix += terms[row]
    assert len(set(rows.tolist())) == 12
    np.testing.assert_allclose(form.inverse, np.linalg.inv(matrix), atol=1e-4)


@pytest.mark.parametrize("make", [one, many])
def test_backward_pruning_equals_inverting_anew(make):
    form, terms = make(10)
    for row in range(10):
        form.take(row, 1)
    kept = pruned(form.of(np.arange(10)), 10, 6, np.random.default_rng(0))
    matrix, left = np.eye(len(terms[0])) + sum(terms), set(range(10))
    for _ in range(4):
        without = traces(matrix, terms, left, -1)
        gone = min(without, key=without.get)
        matrix, left = matrix - terms[gone], left - {gone}
    assert set(kept.tolist()) == left


def test_totals_equal_sums_of_outer_products():
    points, weights, roots = noise(9, WIDTH), np.arange(9, dtype=np.float32), noise(9, CLASSES, CLASSES)
    np.testing.assert_allclose(total(points, weights), (points * weights[:, None]).T @ points, rtol=1e-4, atol=1e-4)
    terms = [np.kron(s @ s.T, np.outer(x, x)) for x, s in zip(points, roots, strict=True)]
    np.testing.assert_allclose(total_many(points, roots), sum(terms), rtol=1e-4, atol=1e-4)


def test_where_nothing_is_uncertain_rows_are_drawn_at_random():
    form = RankOne(noise(9, 2), np.zeros(9, dtype=np.float32), np.eye(2), np.zeros((2, 2)))
    rows, shares = forward_backward(form, 9, 4, 8, np.random.default_rng(0))
    assert len(set(rows.tolist())) == 4
    assert shares.tolist() == [0] * 4

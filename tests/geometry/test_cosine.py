import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.geometry import neighbours
from poolwise.geometry.neighbours import has_twin, most_alike


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), points=st.integers(1, 30), others=st.integers(1, 30))
def test_cosines_are_those_of_all_pairs(seed, points, others):
    draw = np.random.default_rng(seed)
    first, second = (draw.normal(2, 1, size=(count, 3)).astype(np.float32) for count in (points, others))
    which, cosine = most_alike(first, second)
    exact = (first @ second.T) / np.outer(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    np.testing.assert_allclose(cosine, exact.max(axis=1), atol=1e-4)
    np.testing.assert_allclose(exact[np.arange(points), which], exact.max(axis=1), atol=1e-4)


def test_twins_are_found_across_blocks(monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 8)
    points = np.eye(6, dtype=np.float32)[[0, 1, 2, 3, 1, 5]] * np.arange(1, 7)[:, None]
    assert has_twin(points, 0.99).tolist() == [False, True, False, False, True, False]


def test_a_row_alone_has_no_twin_and_zeros_are_like_none():
    assert has_twin(np.ones((1, 2)), 0.5).tolist() == [False]
    assert has_twin(np.zeros((2, 2)), 0.5).tolist() == [False, False]
    assert most_alike(np.zeros((1, 2)), np.ones((1, 2)))[1].tolist() == [0]

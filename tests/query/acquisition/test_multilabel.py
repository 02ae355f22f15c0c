import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poolwise.core.types import Task
from poolwise.query.acquisition import multilabel
from poolwise.query.acquisition.confidence import entropy, margin

PROBS = arrays(np.float64, (4, 3), elements=st.floats(0, 1))


def drawn(rows=30, labels=5, seed=0):
    return np.random.default_rng(seed).uniform(size=(rows, labels))


@given(PROBS)
def test_the_largest_entropy_is_that_of_the_label_nearest_one_half(q):
    each = np.stack([entropy(q[:, [at]], Task.MULTILABEL) for at in range(3)])
    np.testing.assert_allclose(multilabel.max_entropy(q), each.max(axis=0), atol=1e-6)


def test_it_ranks_as_bin_min_does():
    ranks = [
        scores.argsort().tolist() for scores in (multilabel.max_entropy(drawn()), margin(drawn(), Task.MULTILABEL))
    ]
    assert ranks[0] == ranks[1]


def test_inconsistency_counts_labels_above_one_half():
    expected = [abs(sum(q > 0.5 for q in row) - 1.25) for row in drawn()]
    np.testing.assert_allclose(multilabel.cardinality_inconsistency(drawn(), 1.25), expected)


def test_separation_equals_a_naive_loop():
    for row, gap in zip(drawn(), multilabel.separation(drawn()), strict=True):
        present, absent = [2 * q - 1 for q in row if q > 0.5], [1 - 2 * q for q in row if q <= 0.5]
        assert gap == pytest.approx(min(present, default=0) + min(absent, default=0))


def test_the_balance_runs_from_cardinality_to_separation():
    alone = multilabel.adaptive(drawn(), 1.5, 0.0)
    np.testing.assert_allclose(alone, multilabel.cardinality_inconsistency(drawn(), 1.5) + 1, rtol=1e-6)
    np.testing.assert_allclose(multilabel.adaptive(drawn(), 1.5, 1.0), 1 / multilabel.separation(drawn()), rtol=1e-5)
    assert np.isfinite(multilabel.adaptive(np.full((1, 2), 0.5), 0, 1.0)).all()


@given(PROBS, st.integers(0, 3))
def test_maximal_loss_equals_the_formula_of_the_paper(q, count):
    scores = multilabel.maximal_loss(q, np.full(4, count))
    for row, score in zip(q, scores, strict=True):
        signs = np.full(3, -1.0)
        signs[np.argsort(-row)[:count]] = 1
        assert score == pytest.approx(sum((1 - signs * (2 * row - 1)) / 2), abs=1e-5)


def test_the_number_of_labels_is_learnt_from_forecasts():
    rng = np.random.default_rng(0)
    labels = (np.arange(5) < rng.integers(1, 4, size=(200, 1))).astype(np.int8)
    forecasts = np.clip(np.where(labels == 1, 0.9, 0.1) + rng.normal(0, 0.02, size=labels.shape), 0, 1)
    counts = multilabel.predicted_counts(forecasts[100:], forecasts[:100], labels[:100])
    assert (counts == labels[100:].sum(axis=1)).mean() > 0.95


def test_one_number_of_labels_among_all_needs_no_learning():
    assert multilabel.predicted_counts(drawn(3), drawn(2), np.eye(5, dtype=np.int8)[:2]).tolist() == [1, 1, 1]

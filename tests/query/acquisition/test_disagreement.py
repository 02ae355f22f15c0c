import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import xlogy

from poolwise.core.types import Task
from poolwise.query.acquisition import disagreement

ALL = ["variation_ratio", "bald", "kl_divergence", "max_disagreement", "consensus_entropy", "vote_entropy"]
MEMBERS = ["bald", "kl_divergence", "max_disagreement", "vote_entropy"]


def drawn(rows=40, draws=6, classes=4, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), size=(rows, draws))


def by_loop(name, draws_kc):
    """Each measure of one sample, written out."""
    mean = np.array([sum(p[c] for p in draws_kc) / len(draws_kc) for c in range(draws_kc.shape[1])])
    apart = [sum(xlogy(p[c], p[c] / mean[c]) for c in range(len(mean))) for p in draws_kc]
    votes = [[p.argmax() for p in draws_kc].count(c) / len(draws_kc) for c in range(len(mean))]
    entropies = [-sum(xlogy(q, q) for q in p) for p in (mean, votes, *draws_kc)]
    return {
        "variation_ratio": 1 - max(mean),
        "bald": entropies[0] - np.mean(entropies[2:]),
        "kl_divergence": np.mean(apart),
        "max_disagreement": max(apart),
        "consensus_entropy": entropies[0],
        "vote_entropy": entropies[1],
    }[name]


def test_two_opposite_draws_by_hand():
    draws = np.log(np.array([[[0.75, 0.25], [0.25, 0.75]]]))
    apart = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    expected = [0.5, apart, apart, apart, np.log(2), np.log(2)]
    for name, value in zip(ALL, expected, strict=True):
        assert getattr(disagreement, name)(draws)[0] == pytest.approx(value), name
    assert disagreement.mean_std(draws)[0] == pytest.approx(0.25)


@pytest.mark.parametrize("name", ALL)
def test_each_measure_equals_a_naive_loop(name):
    scores = getattr(disagreement, name)(np.log(drawn()).astype(np.float32))
    np.testing.assert_allclose(scores, [by_loop(name, draws) for draws in drawn()], atol=1e-5)
    assert scores.dtype == np.float32


def test_the_mean_deviation_equals_the_formula_of_the_paper():
    expected = np.sqrt((drawn() ** 2).mean(axis=1) - drawn().mean(axis=1) ** 2).mean(axis=1)
    np.testing.assert_allclose(disagreement.mean_std(np.log(drawn())), expected, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_multilabel_averages_the_binary_measures(name):
    q = np.random.default_rng(1).uniform(0.01, 0.99, size=(5, 6, 3))
    measure = getattr(disagreement, name)
    if name == "max_disagreement":  # the largest over members comes after the mean over labels
        q = q[:, :, :1]
    binary = [measure(np.log(np.stack([1 - q[..., at], q[..., at]], axis=-1))) for at in range(q.shape[2])]
    np.testing.assert_allclose(measure(np.log(q), Task.MULTILABEL), np.mean(binary, axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("vote_entropy", "vote_entropy"),
        ("consensus_entropy", "consensus_entropy"),
        ("max_disagreement", "KL_max_disagreement"),
    ],
)
def test_committee_measures_equal_those_of_modal(ours, theirs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import modAL.disagreement as modal
    probs = drawn()

    class Stub(SimpleNamespace):
        def __len__(self):
            return probs.shape[1]

        def __iter__(self):
            return iter(range(probs.shape[1]))

    stub = Stub(
        classes_=range(4),
        vote=lambda _: probs.argmax(axis=2),
        vote_proba=lambda _: probs,
        predict_proba=lambda _: probs.mean(axis=1),
    )
    expected = getattr(modal, theirs)(stub, probs[:, 0])
    np.testing.assert_allclose(getattr(disagreement, ours)(np.log(probs)), expected, atol=1e-6)


@pytest.mark.parametrize("task", list(Task))
def test_equal_draws_and_a_single_one_do_not_disagree(task):
    alike = np.log(np.repeat(drawn(draws=1), 7, axis=1)).astype(np.float32)
    for logs in (alike, alike[:, :1]):
        assert disagreement.bald(logs, task).max() == disagreement.max_disagreement(logs, task).max() == 0
        assert disagreement.vote_entropy(logs, task).max() == 0
        assert disagreement.mean_std(logs).max() < 1e-7


def test_a_probability_of_zero_has_no_weight():
    with np.errstate(divide="ignore"):
        logs = np.log(np.array([[[1.0, 0, 0], [0, 1.0, 0]]]))
    for task, classes in ((Task.MULTICLASS, 1), (Task.MULTILABEL, 2 / 3)):
        assert disagreement.bald(logs, task)[0] == pytest.approx(classes * np.log(2))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), draws=st.integers(1, 6), classes=st.integers(1, 5))
def test_scores_stay_in_their_range(seed, draws, classes):
    logs = np.log(drawn(8, draws, classes, seed) + 1e-12).astype(np.float32)
    for name in MEMBERS:
        scores = getattr(disagreement, name)(logs)
        most = np.log(draws) if name == "max_disagreement" else np.log(min(draws, classes))
        assert scores.min() >= 0
        assert scores.max() <= most + 1e-5


def test_blocks_do_not_change_scores(monkeypatch):
    logs = np.log(drawn())
    whole = [getattr(disagreement, name)(logs) for name in ALL]
    monkeypatch.setattr("poolwise.query.acquisition.confidence.BLOCK", 100)
    for name, scores in zip(ALL, whole, strict=True):
        np.testing.assert_array_equal(getattr(disagreement, name)(logs), scores)

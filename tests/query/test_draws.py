"""Strategies over stochastic draws and committees."""

import warnings

import numpy as np
import pytest
from scipy.special import log_softmax

from poolwise.core.errors import ConfigError
from poolwise.core.types import Need, PoolView, Task
from poolwise.query.acquisition import disagreement
from poolwise.query.acquisition.joint_entropy import Configurations, draw_entropy, extended, gains
from poolwise.query.batch_bald import BatchBald
from poolwise.query.committee import MEASURES, Committee, Measure, Members
from poolwise.query.disagreement import Bald, MeanStd, VariationRatio
from poolwise.query.epig import Epig
from poolwise.query.power_bald import Form, PowerBald, log_weights


def rng(seed=0):
    return np.random.default_rng(seed)


def view(rows=40, draws=6, classes=4, seed=0, spread=1.0, task=Task.MULTICLASS):
    shared = rng(seed).standard_normal((rows, 1, classes))
    logits = shared + spread * rng(seed + 1).standard_normal((rows, draws, classes))
    logs = log_softmax(logits, axis=2).astype(np.float32)
    return PoolView(np.arange(rows), task=task, log_probs_nkc=logs)


@pytest.mark.parametrize(
    ("strategy", "score"),
    [(VariationRatio(), "variation_ratio"), (MeanStd(), "mean_std"), (Bald(), "bald")],
)
def test_the_highest_scores_are_taken(strategy, score):
    query = strategy.select(view(), 7, rng())
    scores = getattr(disagreement, score)(view().log_probs_nkc)
    assert query.ids.tolist() == np.argsort(-scores)[:7].tolist()
    np.testing.assert_array_equal(query.scores, scores[query.ids])


def test_a_single_draw_says_that_the_picks_are_random():
    for strategy in (Bald(), MeanStd(), Committee()):
        assert "random" in strategy.select(view(draws=1), 2, rng()).reasons["reason"][0]


def test_power_draws_in_proportion_to_the_score():
    few = view(5, seed=3)
    scores = disagreement.bald(few.log_probs_nkc).astype(np.float64)
    first = [int(PowerBald().select(few, 1, rng(seed)).ids[0]) for seed in range(600)]
    np.testing.assert_allclose(np.bincount(first, minlength=5) / 600, scores / scores.sum(), atol=0.08)


def test_power_draws_a_score_of_zero_only_when_nothing_else_is_left():
    logs = view(10).log_probs_nkc.copy()
    logs[4:] = logs[4:, :1]
    for seed in range(20):
        ids = PowerBald().select(PoolView(np.arange(10), log_probs_nkc=logs), 6, rng(seed)).ids.tolist()
        assert set(ids[:4]) == {0, 1, 2, 3}


def test_the_three_forms_weigh_as_in_the_paper():
    scores, ranks = np.array([0.5, 0.0, 0.25]), np.array([1, 3, 2])
    weights = {form: np.exp(log_weights(scores, ranks, form, 2.0)).tolist() for form in Form}
    assert weights[Form.POWER] == pytest.approx([0.25, 0, 0.0625])
    assert weights[Form.SOFTMAX] == pytest.approx(np.exp([1, 0, 0.5]).tolist())
    assert weights[Form.SOFTRANK] == pytest.approx([1, 1 / 9, 1 / 4])


@pytest.mark.parametrize("form", [Form.POWER, Form.SOFTRANK])
def test_a_large_beta_comes_to_plain_bald(form):
    ids = PowerBald(form, 1e5).select(view(), 5, rng()).ids.tolist()
    assert ids == Bald().select(view(), 5, rng()).ids.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_first_picks_of_batch_bald_are_those_of_an_exact_greedy_search(seed):
    small = view(15, 5, 3, seed, spread=0.6)
    logs, own = small.log_probs_nkc, draw_entropy(small.log_probs_nkc)
    known, picks = Configurations.before_any(5), []
    for _ in range(4):
        gain = gains(known, logs, own)
        gain[picks] = -1
        picks.append(int(gain.argmax()))
        known = extended(known, np.exp(logs[picks[-1]]), 10**6, rng())
    assert BatchBald().select(small, 4, rng()).ids.tolist() == picks


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_bounds_do_not_change_the_picks_of_batch_bald(monkeypatch, spread):
    large = view(400, 8, 4, spread=spread)
    quick = BatchBald(1024).select(large, 8, rng(1))
    monkeypatch.setattr("poolwise.query.batch_bald.DEPTHS", ())
    slow = BatchBald(1024).select(large, 8, rng(1))
    assert quick.ids.tolist() == slow.ids.tolist()
    np.testing.assert_allclose(quick.scores, slow.scores, atol=1e-5)


def test_batch_bald_does_not_ask_twice_what_copies_tell():
    logs = np.repeat(view(4, 8, 3, spread=2).log_probs_nkc, 10, axis=0)
    picks = BatchBald().select(PoolView(np.arange(40), log_probs_nkc=logs), 3, rng()).ids
    assert len(set((picks // 10).tolist())) > 1
    plain = Bald().select(PoolView(np.arange(40), log_probs_nkc=logs), 3, rng()).ids
    assert len(set((plain // 10).tolist())) == 1


def test_batch_bald_begins_anew_when_the_draws_are_told_apart():
    query = BatchBald().select(view(60, 3, 4, spread=5), 30, rng())
    assert (np.diff(query.scores) > 0.1).any()
    assert (query.scores <= query.reasons["bald"] + 1e-5).all()


def test_batch_bald_chooses_among_the_best_candidates_when_told_to():
    best = set(Bald().select(view(), 8, rng()).ids.tolist())
    assert set(BatchBald(candidates=8).select(view(), 4, rng()).ids.tolist()) <= best
    assert set(BatchBald(candidates=1).select(view(), 8, rng()).ids.tolist()) == best


def test_epig_passes_over_what_bears_on_nothing_else():
    """Draws disagree on an outlier, but that disagreement says nothing about any other sample."""
    signs = np.array([1, 1, -1, -1]) * 4.0
    logits = np.zeros((30, 4, 2))
    logits[:, :, 0] = signs[None] * 0.5
    logits[0, :, 0] = np.array([1, -1, 1, -1]) * 4.0
    pool = PoolView(np.arange(30), log_probs_nkc=log_softmax(logits, axis=2).astype(np.float32))
    assert Bald().select(pool, 1, rng()).ids.tolist() == [0]
    assert 0 not in Epig().select(pool, 25, rng()).ids


@pytest.mark.parametrize("measure", list(Measure))
@pytest.mark.parametrize("task", list(Task))
def test_a_committee_takes_the_largest_disagreement(measure, task):
    query = Committee(measure).select(view(task=task), 5, rng())
    scores = MEASURES[measure](view().log_probs_nkc, task)
    np.testing.assert_allclose(query.scores, np.sort(scores)[::-1][:5])


def test_members_decide_what_a_committee_needs():
    assert Committee().needs is Need.DRAWS
    assert Committee(members=Members.ROUNDS, rounds=4).needs is Need.ROUNDS
    told = Committee(members=Members.ROUNDS).select(view(), 1, rng()).reasons["reason"][0]
    assert "models of the last rounds" in told


def test_votes_are_told_by_class():
    probs = np.array([[[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.7, 0.2, 0.1]]])
    query = Committee().select(PoolView(np.arange(1), log_probs_nkc=np.log(probs)), 1, rng())
    assert query.reasons["reason"].tolist() == ["of 3 draws 2 vote for class 0 and 1 vote for class 2"]


def test_the_picks_of_a_committee_are_those_of_modal():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from modAL.disagreement import consensus_entropy_sampling

    class Stub:
        def predict_proba(self, logs):
            return np.exp(logs).mean(axis=1)

    found = consensus_entropy_sampling(Stub(), view().log_probs_nkc, n_instances=6)
    theirs = found[0] if isinstance(found, tuple) else found
    ours = Committee(Measure.CONSENSUS_ENTROPY).select(view(), 6, rng()).ids.tolist()
    assert set(ours) == set(np.asarray(theirs).tolist())


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: PowerBald(beta=-1.0), "beta"),
        (lambda: PowerBald(beta=float("nan")), "beta"),
        (lambda: BatchBald(configurations=0), "configurations"),
        (lambda: BatchBald(candidates=0), "candidates"),
        (lambda: Epig(targets=0), "targets"),
        (lambda: Committee(rounds=1), "rounds"),
    ],
)
def test_impossible_options_are_named(build, name):
    with pytest.raises(ConfigError, match=name):
        build()

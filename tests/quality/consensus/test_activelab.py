"""What to ask next, once more or for the first time, on one scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.core.errors import InvalidArray
from poolwise.quality.consensus import activelab
from poolwise.quality.consensus.activelab import relabel_scores
from poolwise.quality.consensus.temperature import at_temperature, best_temperature, cross_entropies
from quality.consensus import slow
from quality.consensus.slow import crowd
from quality.consensus.test_crowdlab import PROBS, VOTES


def test_scores_are_those_computed_by_hand(monkeypatch):
    monkeypatch.setattr(activelab, "best_temperature", lambda votes, probs: 1.0)
    scores, relabel = relabel_scores(np.vstack([VOTES, [-1, -1, -1]]), np.vstack([PROBS, [0.9, 0.1]]))
    both, mean = 11 / 10 * 11 / 12, 1.1 / 3  # see test_crowdlab
    told = np.array([9 / 16 + both, 3 / 16 + both, 3 / 4 + both, 9 / 16 + 11 / 20, 3 / 4 * 0.9])
    heard = np.array([1.85, 1.85, 1.85, 1.35, 0.75])
    np.testing.assert_allclose(scores, (told + mean / 2) / (heard + mean), atol=2e-6)
    assert relabel.tolist() == [True, True, True, True, False]


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_they_are_those_of_a_loop_written_from_the_formulas(seed):
    votes, probs, _ = crowd(seed, samples=30, share=0.7)
    scaled = at_temperature(probs, best_temperature(votes, probs))
    scores, relabel = relabel_scores(votes, probs)
    np.testing.assert_allclose(scores, slow.active(votes, scaled), atol=1e-6)
    assert (relabel == (votes >= 0).any(axis=1)).all()


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_who_sits_where_changes_nothing_nor_does_an_annotator_without_votes(seed):
    votes, probs, _ = crowd(seed, samples=25, share=0.8)
    seats = np.random.default_rng(seed).permutation(votes.shape[1])
    scores = relabel_scores(votes, probs)[0]
    np.testing.assert_allclose(relabel_scores(votes[:, seats], probs)[0], scores, atol=1e-6)
    np.testing.assert_allclose(relabel_scores(np.pad(votes, ((0, 0), (0, 2)), constant_values=-1), probs)[0], scores)


def test_before_the_first_vote_the_order_is_the_models():
    scores, relabel = relabel_scores(np.full((3, 2), -1), PROBS[:3])
    np.testing.assert_allclose(scores, (np.array([0.75, 0.75, 1.0]) + 0.5) / 2)
    assert not relabel.any()
    assert relabel_scores(np.empty((3, 0), dtype=int), PROBS[:3])[0].tolist() == scores.tolist()
    assert len(relabel_scores(np.empty((0, 2), dtype=int), PROBS[:0])[0]) == 0


def test_one_vote_each_weighs_one_and_the_model_one():
    scores, _ = relabel_scores([[0, -1], [-1, 0], [-1, -1]], [[1.0, 0.0], [0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(scores, [(2 * 1 + 0.5) / 3, (2 * 0.25 + 0.5) / 3, (0.5 + 0.5) / 2], rtol=1e-6)


def test_a_disputed_label_goes_before_an_unsure_new_sample_and_that_before_a_settled_label():
    votes, probs, _ = crowd(seed=5, samples=200, annotators=5, rate=1.0)
    votes[3], votes[4], votes[5] = [0, 1, 0, 1, 2], [0, 0, 0, 0, 0], -1
    probs[3:6] = [[0.4, 0.4, 0.1, 0.1], [0.91, 0.03, 0.03, 0.03], [0.7, 0.1, 0.1, 0.1]]
    scores, _ = relabel_scores(votes, probs)
    assert scores[3] < scores[5] < scores[4]


def test_one_more_vote_for_the_label_raises_its_score():
    votes, probs, _ = crowd(seed=6, samples=200, annotators=6, rate=1.0)
    fewer, more = votes.copy(), votes.copy()
    fewer[0], more[0] = [1, 1, -1, -1, -1, -1], [1, 1, 1, 1, 1, 1]
    assert relabel_scores(fewer, probs)[0][0] < relabel_scores(more, probs)[0][0]


@pytest.mark.parametrize("true", [0.15, 0.5, 1.0, 1.4, 3.0, 6.0])
def test_a_model_too_sure_or_too_unsure_is_found_out_by_the_votes(true):
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(4, 0.7), 4000).astype(np.float32)
    votes = (probs.cumsum(axis=1)[:, None] < rng.random((4000, 3, 1))).sum(axis=2).clip(0, 3)
    assert best_temperature(votes, at_temperature(probs, 1 / true)) == pytest.approx(true, rel=0.15)


def test_cross_entropy_is_the_mean_over_votes_and_a_vote_held_impossible_is_no_infinity():
    votes = np.array([[0, 1, -1], [-1, -1, -1], [1, 1, 1]])
    probs = np.array([[0.8, 0.2], [0.5, 0.5], [0.4, 0.6]])
    expected = [-(np.log(0.8) + np.log(0.2)) / 2 - np.log(0.6)]
    np.testing.assert_allclose(cross_entropies(votes, probs, np.ones(1)), expected)
    certain = cross_entropies(np.array([[1]]), np.array([[1.0, 0.0]]), np.array([0.1, 8.0]))
    assert np.isfinite(certain).all()
    assert certain[0] == certain[1]
    assert np.isfinite(relabel_scores([[1, 0], [0, 0]], [[1.0, 0.0], [0.0, 1.0]])[0]).all()


def test_scores_need_a_model_of_the_same_samples():
    with pytest.raises(InvalidArray, match="votes are of 1 samples and probs of 4"):
        relabel_scores([[0, 1]], PROBS)
    with pytest.raises(InvalidArray, match="columns of probs"):
        relabel_scores([[0, 2]], PROBS[:1])

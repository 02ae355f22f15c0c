"""Consensus of votes and a model: by hand, by a loop and by property."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.quality.consensus.consensus import consensus
from poolwise.quality.consensus.crowdlab import crowdlab
from quality.consensus import slow
from quality.consensus.slow import crowd

VOTES = np.array([[0, 0, -1], [0, 0, 1], [1, 1, -1], [1, -1, 1]])
PROBS = np.array([[0.75, 0.25], [0.25, 0.75], [0.0, 1.0], [0.25, 0.75]])
"""Meetings agreed 4 of 5, 3 of 4, 1 of 3; majority 0 0 1 1, so e0 = 1/2 and weights 3/5, 1/2, and nothing (1e-6).
a = (1 + 2/3 + 1 + 1) / 4 = 11/12. The model misses one of four: (1 - 1/2) sqrt(9/4) = 3/4."""


def test_weights_and_quality_are_those_computed_by_hand():
    labels, weights = crowdlab(VOTES, 2, PROBS)
    assert labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose([*weights.annotators, weights.model], [3 / 5, 1 / 2, 1e-6, 3 / 4], rtol=1e-12)
    np.testing.assert_allclose([weights.right, weights.wrong], [11 / 12, 1 / 12], rtol=1e-12)
    both = 11 / 10 * 11 / 12  # of the first two annotators, who agree throughout
    expected = [(9 / 16 + both) / 1.85, (3 / 16 + both) / 1.85, (3 / 4 + both) / 1.85, (9 / 16 + 11 / 20) / 1.35]
    found = consensus(VOTES, PROBS)
    np.testing.assert_allclose(found.quality, expected, atol=2e-6)
    np.testing.assert_allclose(found.agreement, [1, 2 / 3, 1, 1], rtol=1e-6)
    # lambda = 3/4 / (3/4 + 1.1 / 3 * 9/4) = 10/21; the last one voted against the label of quality .646 and for that of .824
    third = 10 / 21 * (1 - expected[1] + expected[3]) / 2 + 11 / 21 / 2
    np.testing.assert_allclose(
        found.annotators["quality"][[0, 2]], [10 / 21 * np.mean(expected) + 11 / 21, third], atol=2e-6
    )
    assert found.annotators["agreement"].tolist() == [1.0, 1.0, 0.5]
    assert found.annotators["worst_class"].tolist() == [-1, -1, 1]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 0.7]))
def test_it_is_that_of_a_loop_written_from_the_formulas(seed, share):
    votes, probs, _ = crowd(seed, samples=30, share=share)
    found = consensus(votes, probs)
    labels, quality, annotators, _, _ = slow.crowdlab(votes, probs)
    assert found.labels.tolist() == labels.tolist()
    np.testing.assert_allclose(found.quality, quality, atol=1e-6)
    np.testing.assert_allclose(found.annotators["quality"], annotators, atol=1e-9)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.booleans())
def test_who_sits_where_changes_nothing_and_the_order_of_samples_only_the_order(seed, modelled):
    votes, probs, _ = crowd(seed, samples=25, share=0.8)
    rng = np.random.default_rng(seed)
    seats, order = rng.permutation(votes.shape[1]), rng.permutation(len(votes))
    found = consensus(votes, probs if modelled else None)
    moved = consensus(votes[order][:, seats], probs[order] if modelled else None)
    assert (moved.labels == found.labels[order]).all()
    np.testing.assert_allclose(moved.quality, found.quality[order], atol=1e-6)
    for name, column in found.annotators.items():
        np.testing.assert_allclose(moved.annotators[name], column[seats], atol=1e-9, err_msg=name)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.booleans())
def test_an_annotator_without_votes_and_a_sample_without_votes_change_nothing_for_the_others(seed, modelled):
    votes, probs, _ = crowd(seed, samples=20)
    wider = np.pad(votes, ((0, 1), (0, 1)), constant_values=-1)
    longer = np.concatenate([probs, [[0.1, 0.2, 0.3, 0.4]]]) if modelled else None
    found, padded = consensus(votes, probs if modelled else None), consensus(wider, longer)
    assert (padded.labels[:-1] == found.labels).all()
    np.testing.assert_allclose(padded.quality[:-1], found.quality, atol=1e-6)
    np.testing.assert_allclose(padded.annotators["quality"], [*found.annotators["quality"], 0], atol=1e-12)
    assert [padded.annotators[name][-1] for name in ("agreement", "votes", "worst_class")] == [0, 0, -1]
    last = padded.labels[-1], round(float(padded.quality[-1]), 6), padded.agreement[-1]
    assert last == ((3, 0.4, 0) if modelled else (-1, 0, 0))


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.booleans())
def test_all_is_finite_and_in_range_whatever_the_votes(seed, modelled):
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 8), rng.integers(1, 5)
    votes = rng.integers(-1, rng.integers(1, 4), shape)
    votes[0, 0] = 0
    found = consensus(votes, rng.dirichlet(np.full(3, 0.2), shape[0]) if modelled else None)
    for values in (found.quality, found.agreement, found.annotators["quality"], found.annotators["agreement"]):
        assert np.isfinite(values).all()
        assert ((values >= 0) & (values <= 1)).all()
    assert ((found.labels >= 0) == (modelled | (votes >= 0).any(axis=1))).all()


def test_a_second_copy_of_an_only_annotator_is_full_agreement():
    votes = np.array([[0], [1], [1], [-1]])
    twice = consensus(np.repeat(votes, 2, axis=1))
    assert twice.labels.tolist() == consensus(votes).labels.tolist() == [0, 1, 1, -1]
    assert twice.quality.tolist() == [1, 1, 1, 0]
    assert consensus(votes).quality.tolist() == [0.5, 0.5, 0.5, 0]  # alone, a vote is worth no more than chance
    assert twice.annotators["quality"].tolist() == [1, 1]


def test_a_copy_of_an_annotator_draws_the_consensus_to_their_votes():
    votes, _, _ = crowd(seed=3, annotators=3, rate=1.0)
    with_copies = np.concatenate([votes, votes[:, :1], votes[:, :1]], axis=1)
    before, after = consensus(votes), consensus(with_copies)
    assert after.annotators["agreement"][0] > before.annotators["agreement"][0]


def test_a_good_model_outvotes_a_poor_annotator_and_a_poor_model_nobody():
    votes, _, truth = crowd(seed=1, samples=400, annotators=4, rate=0.7)
    right = np.full((400, 4), 0.01) + 0.96 * (np.arange(4) == truth[:, None])
    assert (consensus(votes, right).labels == truth).mean() > (consensus(votes).labels == truth).mean()
    wrong = np.roll(right, 1, axis=1)
    _, weights = crowdlab(votes, 4, wrong.astype(np.float32))
    assert weights.model < 1e-5


def test_with_a_wrong_vote_quality_falls():
    votes, probs, _ = crowd(seed=2, samples=100, annotators=4, rate=1.0)
    split, agreed = votes.copy(), votes.copy()
    agreed[0], split[0] = 1, [1, 1, 1, 2]
    found = consensus(split, probs), consensus(agreed, probs)
    assert found[0].labels[0] == found[1].labels[0] == 1
    assert found[0].quality[0] < found[1].quality[0]

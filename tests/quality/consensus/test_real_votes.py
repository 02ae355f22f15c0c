"""Few votes and a model come nearer to what fifty people say than few votes alone."""

import numpy as np
import pytest

from poolwise.quality.consensus.activelab import relabel_scores
from poolwise.quality.consensus.consensus import consensus
from poolwise.quality.consensus.majority import majority_vote

ANNOTATORS = 30


def drawn(counts, seed):
    """One to three votes a picture, drawn from those cast, by random ones of thirty annotators of different care."""
    rng = np.random.default_rng(seed)
    shares = counts / counts.sum(axis=1, keepdims=True)
    care = rng.uniform(0.7, 1, ANNOTATORS)
    votes = (shares.cumsum(axis=1)[:, None] < rng.random((len(counts), ANNOTATORS, 1))).sum(axis=2).clip(0, 9)
    careless = rng.random(votes.shape) > care
    votes[careless] = rng.integers(0, 10, careless.sum())
    places = rng.random(votes.shape).argsort(axis=1).argsort(axis=1)
    votes[places >= rng.integers(1, 4, len(counts))[:, None]] = -1
    return votes, care


@pytest.mark.shared_data
@pytest.mark.parametrize("seed", range(3))
def test_consensus_with_a_model_is_nearer_to_fifty_people(cifar10h, seed):
    counts, probs = cifar10h
    people = counts.argmax(axis=1)
    votes, care = drawn(counts, seed)
    alone = (majority_vote(votes, 10) == people).mean()
    found, modelless = consensus(votes, probs), consensus(votes)
    assert (found.labels == people).mean() > alone + 0.05
    assert (modelless.labels == people).mean() > alone
    assert np.corrcoef(found.annotators["quality"], care)[0, 1] > 0.95
    wrong = found.labels != people
    assert np.median(found.quality[wrong]) < np.quantile(found.quality[~wrong], 0.1)


@pytest.mark.shared_data
def test_lowest_scores_find_the_wrong_labels(cifar10h):
    counts, probs = cifar10h
    votes, _ = drawn(counts, 0)
    wrong = consensus(votes, probs).labels != counts.argmax(axis=1)
    first = relabel_scores(votes, probs)[0].argsort(kind="stable")[: wrong.sum()]
    assert wrong[first].mean() > 5 * wrong.mean()

"""What is taken for votes, and that blocks do not show."""

import numpy as np
import pytest

from poolwise.core.errors import InvalidArray
from poolwise.quality.consensus import temperature
from poolwise.quality.consensus import votes as room
from poolwise.quality.consensus.activelab import relabel_scores
from poolwise.quality.consensus.consensus import consensus
from poolwise.quality.consensus.votes import ballots, check_votes
from quality.consensus.slow import crowd

EVEN = [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("votes", "probs", "message"),
    [
        ([0, 1], None, r"got shape \(2,\).* votes.reshape\(-1, 1\)"),
        ([[0.0, np.nan]], None, "dtype float64. Put -1 where there is no vote"),
        ([["cat", "dog"]], None, "Give class numbers, -1 where there is no vote"),
        ([[0, 2], [1, -1]], EVEN, r"0..1 \(2 classes in the columns of probs\) or -1 .* rows 0 hold 2. Number"),
        ([[0, 1], [1, -2]], None, "rows 1 hold -2"),
        ([[0, 7_000_000]], None, "1048576 classes at most.* rows 0 hold 7000000"),
        ([[0, 1]], EVEN, "votes are of 1 samples and probs of 2; give both the same rows"),
        ([[0, 1], [1, 1]], [[0.5, 0.5], [2.0, 1.0]], r"probs must lie in \[0, 1\]; rows 1"),
        ([[0, 1], [1, 1]], [[0.5, 0.5], [0.5, 0.4]], "probs rows must sum to 1; rows 1"),
        ([[0, 1], [1, 1]], [[0.5, 0.5], [0.5, np.nan]], "probs must be finite; rows 1"),
    ],
)
def test_what_cannot_be_used_is_refused_with_advice(votes, probs, message):
    with pytest.raises(InvalidArray, match=message):
        check_votes(votes, probs)


@pytest.mark.parametrize("votes", [[[-1, -1], [-1, -1]], np.empty((2, 0), dtype=int), np.empty((0, 3), dtype=int)])
def test_without_a_single_vote_there_is_no_consensus(votes):
    with pytest.raises(InvalidArray, match="at least one vote.*Ask the annotators first"):
        consensus(votes)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_any_type_of_whole_numbers_gives_the_same(dtype):
    votes, probs, _ = crowd(classes=100, samples=300)
    found, same = consensus(votes, probs), consensus(votes.astype(dtype), probs)
    assert (found.labels == same.labels).all()
    assert (found.quality == same.quality).all()


def test_votes_of_two_classes_may_be_true_and_false_and_the_input_is_left_as_it_is():
    votes = np.array([[True, False, True], [False, False, True]])
    kept = votes.copy()
    assert consensus(votes).labels.tolist() == [1, 0]
    assert (votes == kept).all()


def test_blocks_do_not_show(monkeypatch):
    votes, probs, _ = crowd(share=0.8)
    whole, scores = consensus(votes, probs), relabel_scores(votes, probs)[0]
    monkeypatch.setattr(room, "BLOCK", 35)  # seven rows of five annotators
    monkeypatch.setattr(temperature, "BLOCK", 35)
    assert len(list(ballots(votes, 4))) == 9
    parts = consensus(votes, probs)
    assert (parts.labels == whole.labels).all()
    np.testing.assert_allclose(parts.quality, whole.quality, atol=1e-6)
    np.testing.assert_allclose(parts.annotators["quality"], whole.annotators["quality"])
    np.testing.assert_allclose(relabel_scores(votes, probs)[0], scores, atol=1e-6)

"""The majority vote, and who wins a tie."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from poolwise.quality.consensus.majority import majority_vote
from quality.consensus.slow import crowd, majority


@given(st.integers(0, 10_000), st.booleans())
def test_it_is_that_of_a_loop_with_and_without_a_model(seed, modelled):
    votes, probs, _ = crowd(seed, samples=20, share=0.8)
    probs = np.round(probs, 1)  # so that the model is undecided too
    expected = majority(votes, probs if modelled else np.zeros_like(probs))
    assert majority_vote(votes, 4, probs if modelled else None).tolist() == expected


def test_a_tie_goes_to_the_model_then_to_the_commoner_class_then_to_the_lower():
    votes = np.array([[0, 1], [1, 2], [2, 2], [-1, 3], [3, 4]])  # 0..4 are voted for 1, 2, 3, 2 and 1 times
    assert majority_vote(votes, 5).tolist() == [1, 2, 2, 3, 3]
    probs = np.tile([[0.3, 0.1, 0.1, 0.2, 0.3]], (5, 1))
    assert majority_vote(votes, 5, probs).tolist() == [0, 2, 2, 3, 4]
    assert majority_vote(np.array([[0, 1]]), 2).tolist() == [0]


def test_a_class_that_the_model_prefers_but_nobody_voted_for_does_not_win():
    assert majority_vote(np.array([[0, 1]]), 3, np.array([[0.1, 0.2, 0.7]])).tolist() == [1]

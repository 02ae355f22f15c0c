"""One vote each, one class, ties: where formulas divide by nothing, and where nobody is ahead."""

import numpy as np
import pytest

from poolwise.quality.consensus.annotators import worst_class
from poolwise.quality.consensus.consensus import consensus
from poolwise.quality.consensus.crowdlab import crowdlab, likeliest
from poolwise.quality.consensus.weights import Weights


def test_one_vote_each_is_the_label_and_the_model_says_how_good_it_is():
    found = consensus([[0, -1], [-1, 0], [1, -1], [-1, -1]], [[0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.125, 0.875]])
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert found.quality.tolist() == [0.75, 0.25, 0.5, 0.875]
    assert found.annotators["quality"].tolist() == [0.625, 0.25]
    assert found.annotators["agreement"].tolist() == [1, 1]


def test_where_all_agree_on_one_class_the_votes_are_right_and_a_class_never_voted_for_takes_nothing():
    found = consensus([[2, 2], [2, 2]])
    assert found.labels.tolist() == [2, 2]
    assert found.quality.tolist() == [1, 1]
    modelled = consensus(
        [[2, 2], [2, 2]], [[0, 0, 1, 0], [0, 0, 0.5, 0.5]]
    )  # e0 = 1e-6: a model that errs weighs nothing
    assert modelled.labels.tolist() == [2, 2]
    assert modelled.quality.min() > 0.75
    assert consensus([[0, 0], [0, -1]], [[1.0], [1.0]]).quality.tolist() == [1, 1]


def test_where_the_label_is_one_class_throughout_only_who_never_disagreed_keeps_a_weight():
    votes = np.array([[0, 0, 0, -1], [0, 0, 1, -1], [0, 0, 0, -1], [0, -1, -1, 0]])
    _, weights = crowdlab(votes, 2)
    assert weights.annotators.tolist() == [1e-6, 1e-6, 1e-6, 1.0]


def test_a_tie_of_posteriors_stays_with_the_majority():
    # both annotators weigh the same, so 0 and 1 are level; class 1 is the commoner one
    assert consensus([[0, 1], [1, 1], [1, 1], [0, 0], [1, 1]]).labels.tolist() == [1, 1, 1, 0, 1]


def test_rounding_breaks_no_tie():
    weights = Weights(np.array([0.1, 0.2, 0.3]), 0.0, 1.0, 0.0)  # 0.1 + 0.2 is a hair more than 0.3
    assert likeliest(np.array([[0, 0, 1]]), np.array([1]), weights, 2).tolist() == [1]


def test_of_classes_equally_often_wrong_the_worst_is_the_most_voted_then_the_lowest():
    votes = np.array([[0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]]).T  # 1 of 1, 1 of 2, 2 of 4 and 2 of 4 are right
    labels = np.array([0, 1, 0, 2, 2, 0, 0, 3, 3, 0, 0])
    assert worst_class(votes, labels, 4).tolist() == [2]
    assert worst_class(votes[:3], labels[:3], 4).tolist() == [1]


@pytest.mark.parametrize("votes", [[[0, 0, 1], [1, 1, 1]], [[-1, 0, 0], [1, -1, 1]]])
def test_lists_are_taken_and_the_result_is_as_long_as_they_are(votes):
    assert len(consensus(votes)) == 2

"""Agreement on a sample, with labels, with others and beyond chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.metric.agreement import cohen_kappa
from poolwise.quality.consensus.agreement import (
    annotator_agreement,
    krippendorff_alpha,
    peer_agreement,
    sample_agreement,
)
from quality.consensus.slow import crowd, peers

KRIPPENDORFF = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""
"""Krippendorff 2011, section C: four observers, twelve units."""


def test_alpha_is_the_published_one():
    votes = np.array([[int(c) if c != "." else -1 for c in line.split()] for line in KRIPPENDORFF.split("\n")[1:-1]]).T
    assert krippendorff_alpha(votes, 6) == pytest.approx(0.743, abs=5e-4)


def test_alpha_of_two_full_columns_is_near_kappa():
    # kappa takes each annotator's own frequencies, alpha those of both; with 2000 samples they hardly differ
    votes, _, _ = crowd(samples=2000, annotators=2, rate=1.0)
    assert krippendorff_alpha(votes, 4) == pytest.approx(cohen_kappa(votes[:, 0], votes[:, 1], 4), abs=0.02)


def test_alpha_of_one_class_throughout_is_full_and_of_no_pair_none():
    assert krippendorff_alpha(np.array([[2, 2], [2, 2]]), 3) == 1.0
    assert krippendorff_alpha(np.array([[2, -1], [-1, 2]]), 3) == 0.0


def test_alpha_of_random_votes_is_about_nothing():
    votes = np.random.default_rng(0).integers(0, 5, (3000, 4))
    assert abs(krippendorff_alpha(votes, 5)) < 0.02


@given(st.integers(0, 10_000))
def test_meetings_with_others_are_counted_as_a_loop_counts_them(seed):
    votes, _, _ = crowd(seed, samples=15, annotators=4)
    votes = votes[:, (votes >= 0).any(axis=0)]
    if (votes >= 0).sum(axis=1).max() > 1:
        np.testing.assert_allclose(peer_agreement(votes, 4), peers(votes), atol=1e-12)


def test_who_met_nobody_is_given_the_mean_of_those_who_did():
    votes = np.array([[0, 0, 1, -1, -1], [0, 0, -1, -1, -1], [-1, -1, -1, 1, -1]])  # 2/3, 2/3, 0/2
    np.testing.assert_allclose(peer_agreement(votes, 2), [2 / 3, 2 / 3, 0, 4 / 9, 0])


def test_who_never_voted_and_samples_without_a_vote_agree_with_nothing():
    votes = np.array([[1, -1], [-1, -1]])
    assert peer_agreement(votes, 2).tolist() == [0.0, 0.0]
    assert annotator_agreement(votes, np.array([1, -1])).tolist() == [1.0, 0.0]
    assert sample_agreement(votes, np.array([1, -1])).tolist() == [1.0, 0.0]

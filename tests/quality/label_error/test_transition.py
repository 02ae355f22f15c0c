"""The rates of label errors, from neighbours' labels."""

import numpy as np
import pytest

from poolwise.quality.label_error.transition import Transition, estimated, triples, wrong_share
from quality.label_error.data import clouds

RATES = np.array([[0.8, 0.2, 0.0], [0.05, 0.9, 0.05], [0.3, 0.0, 0.7]])


def test_known_rates_are_found_again():
    true, given, points = clouds(6000, RATES)
    found = estimated(*triples(given, points, 3))
    np.testing.assert_allclose(found.rates, RATES, atol=0.03)
    np.testing.assert_allclose(found.prior, np.bincount(true) / 6000, atol=0.03)
    np.testing.assert_allclose(found.true_of_given().sum(axis=1), 1)


def test_moments_of_the_estimate_are_those_of_the_triples():
    _, given, points = clouds(3000, RATES)
    kinds, counts = triples(given, points, 3)
    found = estimated(kinds, counts)
    np.testing.assert_allclose(found.prior @ found.rates, counts @ kinds / counts.sum() / 3, atol=1e-4)
    same = found.prior @ found.rates**3
    np.testing.assert_allclose(same, [counts[kinds[:, k] == 3].sum() / counts.sum() for k in range(3)], atol=0.01)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2])
def test_the_share_of_wrong_labels_lies_in_its_interval(rate):
    true, given, points = clouds(3000, (1 - 1.5 * rate) * np.eye(3) + rate / 2)
    share, low, high = wrong_share(*triples(given, points, 3), np.random.default_rng(0))
    assert low <= share <= high
    assert abs(share - (true != given).mean()) < 0.02


def test_copies_of_a_picture_are_no_witnesses():
    _, given, points = clouds(600, RATES)
    labels, copies, groups = np.repeat(given, 3), np.repeat(points, 3, axis=0), np.repeat(np.arange(600), 3)
    seen = [wrong_share(*triples(labels, copies, 3, known), np.random.default_rng(0))[0] for known in (None, groups)]
    assert seen[0] < 0.02
    assert abs(seen[1] - Transition(np.full(3, 1 / 3), RATES).wrong()) < 0.04


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_for_a_triple_say_nothing(count):
    kinds, counts = triples(np.zeros(count, dtype=int), np.ones((count, 2), dtype=np.float32), 2)
    assert len(counts) == 0
    assert wrong_share(kinds, counts, np.random.default_rng(0)) == (0.0, 0.0, 1.0)

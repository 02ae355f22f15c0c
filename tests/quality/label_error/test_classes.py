"""Findings by class, as cleanlab has them on the same arrays."""

import numpy as np

import poolwise
from quality.label_error.data import blurred


def test_overlaps_noise_and_health_are_those_recorded_from_cleanlab():
    found = poolwise.class_findings(*blurred())
    assert [(pair.first, pair.second, pair.count) for pair in found.overlaps] == [(0, 1, 6), (0, 2, 2), (1, 2, 2)]
    np.testing.assert_allclose([pair.share for pair in found.overlaps], [0.1, 1 / 30, 1 / 30], atol=1e-9)
    assert found.worst.tolist() == [1, 2, 0]
    np.testing.assert_allclose(found.noise, [0.0714286, 0.2727273, 0.125], atol=1e-6)
    np.testing.assert_allclose(found.inverse_noise, [0.35, 0.1111111, 0.0454545], atol=1e-6)
    np.testing.assert_allclose(found.quality, 1 - found.noise)
    assert abs(found.health - 0.8333333) < 1e-6


def test_ambiguity_is_second_over_largest():
    probs = np.array([[0.5, 0.5], [0.8, 0.2], [0.25, 0.75]])
    found = poolwise.class_findings([0, 0, 1], probs)
    np.testing.assert_allclose(found.ambiguity, [(1 + 0.25) / 2, 1 / 3], atol=1e-6)


def test_a_class_without_labels_says_nothing_and_comes_last():
    labels, probs = blurred()
    wide = np.column_stack([np.zeros(60), probs])
    found = poolwise.class_findings(labels + 1, wide)
    assert np.isnan(found.noise[0])
    assert np.isnan(found.ambiguity[0])
    assert found.worst.tolist() == [2, 3, 1, 0]
    assert found.sizes.tolist() == [0, *np.bincount(labels)]

"""Counts by several rules, with intervals."""

import numpy as np

from poolwise.quality.label_error.confident_learning import confident_joint
from poolwise.quality.label_error.detectors import LabelView
from poolwise.quality.label_error.estimates import binomial, by_confident_joint, by_disagreement, by_transition
from quality.label_error.data import blurred, clouds


def test_the_confident_joint_counts_what_lies_off_its_diagonal():
    labels, probs = blurred()
    probs = probs.astype(np.float32)
    joint = confident_joint(labels, probs)
    found = by_confident_joint(labels, probs, np.random.default_rng(0))
    np.testing.assert_allclose(found.count, joint.sum() - np.trace(joint))
    assert 0 < found.low < found.count < found.high < 60


def test_intervals_hold_the_mean_of_other_samples_nine_times_in_ten():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(300):
        found = binomial(float(rng.binomial(400, 0.1)), 400)
        held.append(found.low <= 40 <= found.high)
    assert 0.85 <= np.mean(held) <= 0.96


def test_disagreement_and_neighbours_count_too():
    true, given, points = clouds(2000, 0.85 * np.eye(3) + 0.05)
    wrong = (true != given).sum()
    assert by_disagreement(given, np.eye(3)[true]).count == wrong
    found = by_transition(LabelView(given, np.eye(3)[true].astype(np.float32), points), np.random.default_rng(0))
    assert found.low - 20 <= wrong <= found.high + 20

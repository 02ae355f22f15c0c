"""Confident learning against a loop written from the paper."""

import numpy as np
import pytest

from poolwise.quality.label_error.confident_learning import Prune, confident_class, confident_joint, flagged, thresholds


def some(count=300, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.integers(classes, size=count)
    logits = rng.standard_normal((count, classes)) + 2.5 * np.eye(classes)[true]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.where(rng.random(count) < 0.15, (true + 1) % classes, true)
    return labels, probs


def slow_joint(labels, probs):
    count, classes = probs.shape
    bars = [probs[labels == k, k].mean() for k in range(classes)]
    counts = np.zeros((classes, classes))
    for row in range(count):
        reached = [k for k in range(classes) if probs[row, k] >= bars[k] - 1e-6]
        if reached:
            counts[labels[row], max(reached, key=lambda k: probs[row, k])] += 1
    for k in range(classes):
        counts[k, k] = max(counts[k, k], 1)
        counts[k] *= (labels == k).sum() / counts[k].sum()
    return counts


@pytest.mark.parametrize("seed", range(3))
def test_the_joint_is_that_of_a_loop_and_its_rows_sum_to_the_labels(seed):
    labels, probs = some(seed=seed)
    joint = confident_joint(labels, probs)
    np.testing.assert_allclose(joint, slow_joint(labels, probs))
    np.testing.assert_allclose(joint.sum(axis=1), np.bincount(labels, minlength=4))


def test_pruning_takes_as_many_as_the_joint_says_and_never_the_most_probable_class():
    labels, probs = some()
    joint = np.rint(confident_joint(labels, probs))
    found = {prune: flagged(labels, probs, prune) for prune in Prune}
    for prune in Prune:
        assert not (found[prune] & (probs.argmax(axis=1) == labels)).any()
    for given in range(4):
        assert found[Prune.BY_CLASS][labels == given].sum() <= joint[given].sum() - joint[given, given]
    np.testing.assert_array_equal(found[Prune.BOTH], found[Prune.BY_CLASS] & found[Prune.BY_NOISE_RATE])
    sure = confident_class(labels, probs)
    assert (sure[found[Prune.OFF_DIAGONAL]] != labels[found[Prune.OFF_DIAGONAL]]).all()


def test_by_noise_rate_takes_the_largest_leads_of_each_pair():
    labels, probs = some()
    joint = np.rint(confident_joint(labels, probs)).astype(int)
    expected = set()
    for given in range(4):
        rows = np.flatnonzero(labels == given)
        for other in set(range(4)) - {given}:
            lead = probs[rows, other] - probs[rows, given]
            expected |= set(rows[np.argsort(-lead)[: joint[given, other]]].tolist())
    expected = {row for row in expected if probs[row].argmax() != labels[row]}
    assert set(np.flatnonzero(flagged(labels, probs)).tolist()) == expected


def test_a_class_that_nobody_was_given_is_never_confident():
    labels, probs = np.array([0, 0, 1]), np.array([[0.5, 0.1, 0.4], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]])
    assert thresholds(labels, probs)[2] == np.inf
    assert confident_joint(labels, probs)[:, 2].tolist() == [0, 0, 0]
    assert confident_joint(labels, probs)[2].tolist() == [0, 0, 0]

"""Duplicates with different labels."""

import numpy as np
import pytest

import poolwise
from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.quality.label_error.component import ComponentDisagreement, component_shares


def test_shares_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    labels, groups, probs = rng.integers(4, size=80), rng.integers(-1, 20, size=80), rng.dirichlet(np.ones(4), 80)
    found = component_shares(labels, groups, probs, say=2.0)
    for row in range(80):
        others = [at for at in range(80) if at != row and groups[at] == groups[row] and groups[row] >= 0]
        counts = np.bincount(labels[others], minlength=4) + 2 * probs[row]
        np.testing.assert_allclose(found[row], counts / counts.sum())


def test_the_odd_one_of_a_group_comes_first_and_the_model_decides_between_two():
    labels = np.array([0, 0, 1, 0, 1, 1])
    groups = np.array([5, 5, 5, 9, 9, -1])
    probs = np.array([[0.5, 0.5]] * 3 + [[0.2, 0.8]] * 2 + [[0.4, 0.6]])
    found = poolwise.find_label_errors(labels, probs, groups=groups, method="component_disagreement")
    np.testing.assert_allclose(found.quality, [0.5, 0.5, 0.5 / 3, 0.1, 0.4, 0.6], atol=1e-6)
    assert found.suggested[[2, 3]].tolist() == [0, 1]


def test_groups_are_needed():
    with pytest.raises(InvalidArray, match=r"needs groups \(N,\)"):
        poolwise.find_label_errors([0, 1], np.eye(2), method="component_disagreement")
    with pytest.raises(ConfigError, match="above 0"):
        ComponentDisagreement(say=0)

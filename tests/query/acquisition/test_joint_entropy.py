from itertools import product

import numpy as np
import pytest

from poolwise.query.acquisition.disagreement import bald
from poolwise.query.acquisition.joint_entropy import Configurations, draw_entropy, extended, gains, merged


def rng(seed=0):
    return np.random.default_rng(seed)


def drawn(rows=12, draws=5, classes=3, seed=0):
    return np.log(rng(seed).dirichlet(np.full(classes, 0.5), size=(rows, draws))).astype(np.float32)


def joint_information(logs, picks):
    """a(x_1..x_b) by going through every outcome y_1..y_b and every draw."""
    probs, draws, classes = np.exp(logs.astype(np.float64)), logs.shape[1], logs.shape[2]
    joint, own = 0.0, 0.0
    for outcome in product(range(classes), repeat=len(picks)):
        p = sum(np.prod([probs[x, k, y] for x, y in zip(picks, outcome, strict=True)]) for k in range(draws)) / draws
        joint -= p * np.log(p)
    for x in picks:
        own -= sum(probs[x, k, y] * np.log(probs[x, k, y]) for k in range(draws) for y in range(classes)) / draws
    return joint - own


def after(logs, picks, most=10**6, seed=0):
    known, chance = Configurations.before_any(logs.shape[1]), rng(seed)
    for pick in picks:
        known = extended(known, np.exp(logs[pick]), most, chance)
    return known


def test_the_first_gain_is_bald():
    known = Configurations.before_any(5)
    np.testing.assert_allclose(gains(known, drawn(), draw_entropy(drawn())), bald(drawn()), atol=1e-6)


@pytest.mark.parametrize("picks", [[3], [3, 7], [3, 7, 0]])
def test_gains_equal_an_enumeration_of_all_outcomes(picks):
    logs = drawn()
    expected = [joint_information(logs, [*picks, x]) - joint_information(logs, picks) for x in range(12)]
    np.testing.assert_allclose(gains(after(logs, picks), logs, draw_entropy(logs)), expected, atol=2e-6)


def test_gains_of_some_rows_are_those_among_all():
    logs = drawn()
    whole = gains(after(logs, [1]), logs, draw_entropy(logs))
    rows = np.array([7, 2])
    np.testing.assert_allclose(gains(after(logs, [1]), logs, draw_entropy(logs), rows), whole[rows], atol=1e-7)


def test_what_is_undecided_falls_by_each_gain():
    logs = drawn()
    known = after(logs, [1, 2])
    gain = gains(known, logs, draw_entropy(logs))[3]
    assert after(logs, [1, 2, 3]).undecided() == pytest.approx(known.undecided() - gain, abs=1e-5)


def test_a_sample_of_configurations_has_no_bias_and_keeps_to_its_size():
    logs = drawn(draws=8)
    exact = gains(after(logs, range(5)), logs, draw_entropy(logs))
    samples = [after(logs, range(5), most=60, seed=seed) for seed in range(200)]
    assert {len(sample) for sample in samples} <= {59, 60, 61}
    found = np.array([gains(sample, logs, draw_entropy(logs)) for sample in samples])
    error = found.std(axis=0) / np.sqrt(len(samples))
    assert (np.abs(found.mean(axis=0) - exact) < 5 * error + 1e-6).all()
    assert np.mean([sample.weights.sum() for sample in samples]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("most", [100, 1000])
def test_merged_configurations_bound_every_gain_the_coarser_the_looser(most):
    logs = drawn(draws=6)
    known = after(logs, range(6), most)
    levels = [*merged(known, (0, 2, 4, 5)), known]
    bounds = np.array([gains(level, logs, draw_entropy(logs)) for level in levels])
    assert [len(level) for level in levels[:-1]] == [4, 16, 32]
    assert (np.diff(bounds, axis=0) <= 1e-6).all()
    for level in levels:
        assert level.weights.sum() == pytest.approx(known.weights.sum(), rel=1e-4)


def test_too_few_configurations_are_not_merged():
    assert not list(merged(after(drawn(), [1]), (6, 9)))


def test_an_impossible_outcome_is_no_trouble():
    with np.errstate(divide="ignore"):
        logs = np.log(np.array([[[1.0, 0], [0, 1.0]], [[1.0, 0], [0.5, 0.5]]], dtype=np.float32))
    known = after(logs, [0])
    assert known.undecided() == 0
    assert gains(known, logs, draw_entropy(logs)).tolist() == [0, 0]
    assert len(after(logs, [0, 0, 0], most=3)) <= 4

import numpy as np

from poolwise.query.acquisition.disagreement import bald
from poolwise.query.acquisition.predictive_gain import predictive_gain


def drawn(rows=12, draws=5, classes=3, seed=0):
    probs = np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), size=(rows, draws))
    return np.log(probs).astype(np.float32)


def by_loop(x, targets):
    """Mean mutual information of one sample's label and each target's, entry by entry."""
    total = 0.0
    for target in targets:
        joint = sum(np.outer(p, q) for p, q in zip(np.exp(x), np.exp(target), strict=True)) / len(x)
        apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
        total += sum(joint[a, b] * np.log(joint[a, b] / apart[a, b]) for a, b in np.ndindex(joint.shape))
    return total / len(targets)


def test_it_equals_a_naive_loop(monkeypatch):
    logs = drawn()
    expected = [by_loop(x, logs[3:9]) for x in logs]
    np.testing.assert_allclose(predictive_gain(logs, logs[3:9]), expected, atol=2e-6)
    monkeypatch.setattr("poolwise.query.acquisition.predictive_gain.BLOCK", 100)
    np.testing.assert_allclose(predictive_gain(logs, logs[3:9]), expected, atol=2e-6)


def test_it_never_exceeds_what_the_label_tells_about_the_model():
    assert (predictive_gain(drawn(), drawn(seed=1)) <= bald(drawn()) + 1e-6).all()


def test_a_certain_target_cannot_be_told_more():
    with np.errstate(divide="ignore"):
        sure = np.log(np.tile(np.array([1.0, 0, 0], dtype=np.float32), (1, 5, 1)))
    np.testing.assert_allclose(predictive_gain(drawn(), sure), 0, atol=1e-6)

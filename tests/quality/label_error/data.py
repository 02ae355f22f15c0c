"""Labels, probabilities and embeddings that tests share."""

import numpy as np


def blurred():
    """Sixty labels of three classes, nine wrong, and probabilities that are wrong elsewhere; as recorded from cleanlab."""
    rng = np.random.default_rng(0)
    true = rng.integers(3, size=60)
    probs = np.eye(3)[true] * 2 + rng.random((60, 3))
    probs = (probs / probs.sum(axis=1, keepdims=True)).round(3)
    probs[:, 2] = 1 - probs[:, 0] - probs[:, 1]
    probs = probs.round(3)
    labels = true.copy()
    labels[:9] = (true[:9] + np.array([1, 1, 1, 1, 1, 2, 2, 2, 1])) % 3
    probs[9:15] = probs[9:15][:, [1, 0, 2]]
    return labels, probs


def clouds(count, rates, spread=0.15, seed=0):
    """True labels, given labels by (C, C) rates, and embeddings around a corner for each class."""
    rng, classes = np.random.default_rng(seed), len(rates)
    true = rng.integers(classes, size=count)
    given = (np.asarray(rates)[true].cumsum(axis=1) < rng.random(count)[:, None]).sum(axis=1)
    points = np.eye(classes)[true] + spread * rng.standard_normal((count, classes))
    return true, np.minimum(given, classes - 1), points.astype(np.float32)

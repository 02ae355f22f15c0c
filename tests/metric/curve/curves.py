"""Synthetic learning curves for the tests of the room."""

from __future__ import annotations

import numpy as np

from poolwise.metric.curve.fit import fit_curve
from poolwise.metric.curve.measurements import measurements, scale_of
from poolwise.metric.curve.posterior import Prior

SIZES = np.array([100.0, 200.0, 400.0, 700.0, 1000.0])


def power_law(n, asymptote=0.05, amplitude=3.0, exponent=0.5):
    """Errors."""
    return asymptote + amplitude * np.asarray(n, dtype=float) ** -exponent


def repeats(errors, scatter=0.0, many=5, seed=0):
    """(K, many) errors with relative scatter."""
    rng = np.random.default_rng(seed)
    return errors[:, None] * (1 + scatter * rng.standard_normal((len(errors), many)))


def fitted(sizes, errors, *, prior=None, chance=None):
    """A fit of accuracies, in the pure room alone."""
    measured = measurements(sizes, list(1 - np.asarray(errors)))
    scale = scale_of(np.concatenate(measured.rows), higher=True, best=1.0)
    return fit_curve(measured, scale, prior or Prior(), chance)

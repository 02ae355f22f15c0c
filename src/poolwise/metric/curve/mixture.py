"""A mixture of normal distributions: what lies below a value, and its quantiles."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from poolwise.metric.curve.family import TINY, Values

HALVINGS = 30
ATOMS = 256
"""Components are merged into so many, neighbours together: quantiles move by less than a thousandth of the width."""


def below(weight: Values, mean: Values, spread: Values, value: Values) -> Values:
    """(m,) probability that column m of the mixture is at most value (m,).

    Args:
        weight: (G,) or (G, m); columns sum to 1.
        mean: (G, m) of the components.
        spread: (G, m) their standard deviations.
        value: (m,).

    >>> below(np.array([0.5, 0.5]), np.array([[0.0], [10.0]]), np.array([[1.0], [1.0]]), np.array([5.0])).round(6).tolist()
    [0.5]
    """
    columns = weight[:, None] if weight.ndim == 1 else weight
    return np.asarray((columns * ndtr((value - mean) / np.maximum(spread, TINY))).sum(axis=0))


def quantiles(weight: Values, mean: Values, spread: Values, at: tuple[float, ...]) -> Values:
    """(len(at), m) quantiles of each column, by bisection.

    Args:
        weight: (G,) sums to 1.
        mean: (G, m) of the components.
        spread: (G, m) their standard deviations.
        at: probabilities in (0, 1).

    >>> quantiles(np.array([1.0]), np.array([[3.0]]), np.array([[1.0]]), (0.5, 0.8413447)).round(5).tolist()
    [[3.0], [4.0]]
    """
    if not mean.shape[1]:
        return np.empty((len(at), 0))
    columns = [merged(weight, mean[:, m], spread[:, m]) for m in range(mean.shape[1])]
    share, centre, width = (np.stack(part, axis=1) for part in zip(*columns, strict=True))
    return np.stack([_quantile(share, centre, width, probability) for probability in at])


def _quantile(weight: Values, mean: Values, spread: Values, at: float) -> Values:
    low, high = (mean - 9 * spread).min(axis=0), (mean + 9 * spread).max(axis=0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        under = below(weight, mean, spread, middle) < at
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray((low + high) / 2)


def merged(weight: Values, mean: Values, spread: Values) -> tuple[Values, Values, Values]:
    """One column with ATOMS components: neighbours of about equal joint weight are one, with their mean and variance.

    >>> weight, mean, spread = merged(np.full(1000, 0.001), np.arange(1000.0), np.ones(1000))
    >>> len(weight), round(float(weight @ mean), 6)
    (256, 499.5)
    """
    order = np.argsort(mean, kind="stable")
    w, m, s = weight[order], mean[order], spread[order]
    bins = np.minimum((np.cumsum(w) - w / 2) * ATOMS, ATOMS - 1).astype(int)
    share = np.bincount(bins, w, ATOMS)
    safe = np.maximum(share, TINY**2)
    centre = np.bincount(bins, w * m, ATOMS) / safe
    square = np.bincount(bins, w * (s**2 + (m - centre[bins]) ** 2), ATOMS) / safe
    centre[share == 0] = m[0]
    return np.asarray(share), np.asarray(centre), np.sqrt(square)

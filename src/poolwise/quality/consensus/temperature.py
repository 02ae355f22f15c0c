"""Probabilities made as sure as the votes bear out, before a model is weighed against people (ActiveLab).

Goh and Mueller 2023, arXiv 2301.11856; the temperatures tried are those of its authors' implementation, so that scores
can be compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Labels
from poolwise.quality.consensus.votes import BLOCK, ballots

COARSE = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0, 3.0, 5.0, 8.0)
FINE = 4
"""Steps tried on either side of the best coarse one."""
IMPOSSIBLE = -100 * np.log(10)
"""Stands for the logarithm of 0."""

Doubles = NDArray[np.float64]


def best_temperature(votes: Labels, probs: Floats) -> float:
    """Return the temperature at which the model's probabilities are nearest to the shares of the votes (cross-entropy).

    Above 1: the model was too sure. Samples without a vote play no part.

    Args:
        votes: (N, A) class numbers, -1 for no vote; at least one vote.
        probs: (N, C) probabilities.

    >>> best_temperature(np.array([[0, 0, 1]]), np.array([[2 / 3, 1 / 3]]))  # borne out as they are
    1.0
    """
    at = int(cross_entropies(votes, probs, np.array(COARSE)).argmin())
    below = np.linspace(COARSE[max(at - 1, 0)], COARSE[at], FINE, endpoint=False) if at else np.empty(0)
    last = at + 1 == len(COARSE)
    above = np.empty(0) if last else np.linspace(COARSE[at], COARSE[at + 1], FINE + 1)
    tried = np.append(below, above)
    return float(tried[cross_entropies(votes, probs, tried).argmin()])


def cross_entropies(votes: Labels, probs: Floats, temperatures: Doubles) -> Doubles:
    """Return (T,) sum over samples of the mean of -log p(vote) in nats, at each temperature.

    >>> cross_entropies(np.array([[0, 1]]), np.array([[0.5, 0.5]]), np.ones(1)).round(3).tolist()
    [0.693]
    """
    sums = np.zeros(len(temperatures))
    for block in ballots(votes, probs.shape[1]):
        used, row = np.unique(block.row, return_inverse=True)
        logs = _logs(np.asarray(probs[block.rows][used], dtype=np.float64))
        share = 1 / block.voices()[block.row]
        for at, temperature in enumerate(temperatures):
            scaled = logs / temperature
            whole = np.log(np.exp(scaled).sum(axis=1))
            sums[at] += (share * np.minimum(whole[row] - scaled[row, block.what], -IMPOSSIBLE)).sum()
    return sums


def at_temperature(probs: Floats, temperature: float) -> Floats:
    """Return (N, C) float32 probabilities p^(1/T), rows summing to 1 again.

    >>> at_temperature(np.array([[0.75, 0.25]]), 0.5).round(6).tolist() == np.float32([[0.9, 0.1]]).tolist()
    True
    """
    scaled = np.empty(probs.shape, dtype=np.float32)
    step = max(1, BLOCK // probs.shape[1])
    for start in range(0, len(probs), step):
        powers = np.exp(_logs(np.asarray(probs[start : start + step], dtype=np.float64)) / temperature)
        scaled[start : start + step] = powers / powers.sum(axis=1, keepdims=True)
    return scaled


def _logs(rows: Doubles) -> Doubles:
    """Return logs relative to the largest of a row, so that no row vanishes at a low temperature."""
    with np.errstate(divide="ignore"):  # the logarithm of 0 stays minus infinity, and its power 0, at any temperature
        return np.asarray(np.log(rows / rows.max(axis=1, keepdims=True)), dtype=np.float64)

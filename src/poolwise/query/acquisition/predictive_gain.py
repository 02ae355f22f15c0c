"""EPIG: the information of a sample's label about the labels of other samples (Bickford Smith et al. 2023, section 4)."""

from __future__ import annotations

import numpy as np

from poolwise.core.types import Floats
from poolwise.query.acquisition.confidence import row_entropy

BLOCK = 1 << 20
"""Entries of joint distributions worked on in one go: 4 MB of float32."""


def predictive_gain(log_probs_nkc: Floats, targets_tkc: Floats) -> Floats:
    """Return the mean over targets x* of the mutual information I(y; y*) = H[y] + H[y*] - H[y, y*].

    The joint distribution of two labels is p(y, y*) = mean_k p^k(y | x) p^k(y* | x*): the draws must share their masks.
    It never exceeds BALD. About N * T * C^2 logarithms.

    Args:
        log_probs_nkc: (N, K, C) log-probabilities of the candidates.
        targets_tkc: (T, K, C) those of the samples to be predicted, T >= 1.

    Returns:
        (N,) nats in [0, ln C], float32.

    >>> sure = np.log(np.array([[[0.999, 0.001], [0.001, 0.999]], [[0.5, 0.5], [0.5, 0.5]]], dtype=np.float32))
    >>> [round(float(score), 3) for score in predictive_gain(sure, sure[:1])]
    [0.679, 0.0]
    """
    count, draws, classes = log_probs_nkc.shape
    targets = np.exp(targets_tkc).transpose(1, 0, 2).reshape(draws, -1)
    targets *= np.float32(1 / draws)
    expected = float(row_entropy(targets.sum(axis=0))) / len(targets_tkc)
    gains = np.empty(count, dtype=np.float32)
    step = max(1, BLOCK // max(classes * targets.shape[1], draws * classes))
    for at in range(0, count, step):
        some = np.exp(log_probs_nkc[at : at + step])
        joint = some.transpose(0, 2, 1).reshape(-1, draws) @ targets
        together = row_entropy(joint).reshape(-1, classes).sum(axis=1) / len(targets_tkc)
        gains[at : at + step] = row_entropy(some.mean(axis=1)) + expected - together
    return np.maximum(gains, 0)  # a hair below 0 comes of rounding

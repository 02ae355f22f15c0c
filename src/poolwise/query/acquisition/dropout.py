"""Predictions that change when features are dropped (Gupte et al. 2024, section 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Head

BLOCK = 1 << 22
"""Features masked in one go: 16 MB each of random numbers and of masked features."""


def disagreement(
    embeddings: Floats, head: Head, predicted: NDArray[np.int64], passes: int, share: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Count the dropout passes over the inputs of the last layer that predict another class than without.

    Each row has a mask of its own in each pass, as torch's dropout layer gives in training mode, and what is kept is
    divided by 1 - share.

    Args:
        embeddings: (N, D) inputs of the last layer.
        head: the last layer.
        predicted: (N,) class without dropout.
        passes: M, how many.
        share: of the features that a pass drops, below 1.
        rng: draws the masks.

    Returns:
        (N,) in 0..passes.

    >>> head = Head(np.array([[1.0], [-1.0]]), np.zeros(2))
    >>> disagreement(np.array([[2.0], [-2.0]]), head, np.array([0, 0]), 3, 0.0, np.random.default_rng(0)).tolist()
    [0, 3]
    """
    counts = np.zeros(len(embeddings), dtype=np.int64)
    step = max(1, BLOCK // embeddings.shape[1])
    weights = np.asarray(head.weights.T / (1 - share), dtype=np.float32)
    for at in range(0, len(embeddings), step):
        rows = embeddings[at : at + step]
        for _ in range(passes):
            kept = rows * (rng.random(rows.shape, dtype=np.float32) >= share)
            counts[at : at + step] += (kept @ weights + head.bias).argmax(axis=1) != predicted[at : at + step]
    return counts

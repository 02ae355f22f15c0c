"""Gradient embeddings of the last layer, in two factors (Ash et al. 2020, section 3).

With features h (D) and residual r = p - y (C), y being the model's own most probable answer, the gradient of the loss
in the last layer's weights is the outer product r h. It is never formed: |g| = |r| |h| and g.g' = (r.r') (h.h'), so
N x (C+D) numbers do where N x (C*D) would not fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Task
from poolwise.geometry.neighbours import squared_lengths

ROUNDING = 1e-6
"""A squared distance below this share of the squared lengths is rounding of float32, and taken as 0."""


def residuals(probs: Floats, task: Task = Task.MULTICLASS) -> Floats:
    """Return (N, C) r = p - onehot(argmax p); multi-label (sigmoid and binary cross-entropy): r = q - [q > 1/2].

    >>> residuals(np.array([[0.25, 0.75]])).tolist()
    [[0.25, -0.25]]
    """
    if task is Task.MULTILABEL:
        return probs - (probs > 0.5).astype(probs.dtype)
    left = probs.copy()
    left[np.arange(len(probs)), probs.argmax(axis=1)] -= 1
    return left


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradient embeddings of N rows: residuals (N, C), features (N, D), and the squared length (N,) of each product."""

    residuals: Floats
    features: Floats
    squared: Floats

    @classmethod
    def of(cls, probs: Floats, embeddings: Floats, task: Task = Task.MULTICLASS) -> Gradients:
        """Make them from probabilities (N, C) and embeddings (N, D)."""
        left = residuals(probs, task)
        return cls(left, embeddings, squared_lengths(left) * squared_lengths(embeddings))

    def __len__(self) -> int:
        return len(self.squared)

    def squared_distances(self, rows: slice | NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
        """Return (n, m) squared distances of some rows to others: |g|^2 + |g'|^2 - 2 (r.r') (h.h')."""
        distances: Floats = self.residuals[rows] @ self.residuals[others].T
        distances *= self.features[rows] @ self.features[others].T
        distances *= -2
        lengths = self.squared[rows][:, None] + self.squared[others][None, :]
        distances += lengths
        lengths *= ROUNDING
        distances *= distances >= lengths
        return distances

"""Distance along the gradient of its loss that a row of features must go until a linear layer changes the class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Head
from poolwise.geometry.gradients import residuals
from poolwise.geometry.neighbours import blocks, squared_distances


def flip_distances(embeddings: Floats, head: Head, probs: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the length of the shortest step along the unit gradient that changes the class, and to which class.

    The gradient of the cross-entropy of the predicted class y in the features is W'r with r = p - onehot(y). A step of
    length t along it adds t W W'r / |W'r| to the logits: a straight line for each class, so the first crossing is found
    directly, and every longer step flips too. O(N C (C + D)).

    Args:
        embeddings: (N, D).
        head: the last layer (C, D).
        probs: (N, C) multi-class probabilities of these rows.

    Returns:
        (N,) lengths, infinite where no step flips, and (N,) the class after it (the predicted one where none flips).

    >>> head = Head(np.array([[1.0], [-1.0]]), np.zeros(2))
    >>> far, to = flip_distances(np.array([[2.0]]), head, np.array([[0.9, 0.1]]))
    >>> far.tolist(), to.tolist()
    ([2.0], [1])
    """
    far, to = np.empty(len(probs), dtype=np.float32), np.empty(len(probs), dtype=np.int64)
    weights = head.weights.astype(np.float64)
    gram = weights @ weights.T
    for rows in blocks(len(probs), 4 * sum(head.weights.shape)):
        logits = embeddings[rows] @ weights.T + head.bias
        predicted = probs[rows].argmax(axis=1)
        far[rows], to[rows] = _first_crossing(logits, residuals(probs[rows]) @ gram, residuals(probs[rows]), predicted)
    return far, to


def _first_crossing(
    logits: NDArray[np.float64], rise: NDArray[np.float64], left: Floats, predicted: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the first t where another class's line logits + t * rise / length passes that of the predicted class."""
    lengths = np.sqrt(np.maximum(np.einsum("nc,nc->n", rise, left), 0))
    own = predicted[:, None]
    ahead = np.maximum(np.take_along_axis(logits, own, axis=1) - logits, 0)
    closing = rise - np.take_along_axis(rise, own, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(closing > 0, ahead / closing, np.inf)
    np.put_along_axis(steps, own, np.inf, axis=1)
    steps[lengths == 0] = np.inf
    to = steps.argmin(axis=1)
    first = np.take_along_axis(steps, to[:, None], axis=1)[:, 0]
    none = np.isinf(first)
    return np.where(none, np.inf, first * np.where(none, 1, lengths)), np.where(none, predicted, to)


def farthest(points: Floats, targets: Floats) -> Floats:
    """Return (N,) distance of each of (N, D) rows to the farthest of (M, D) targets.

    >>> farthest(np.array([[0.0], [9.0]]), np.array([[8.0], [1.0]])).tolist()
    [8.0, 8.0]
    """
    origin = targets.mean(axis=0, dtype=np.float64).astype(points.dtype)
    squared = np.empty(len(points), dtype=np.float32)
    for rows in blocks(len(points), max(targets.shape)):
        squared[rows] = squared_distances(points[rows] - origin, targets - origin).max(axis=1)
    return np.sqrt(squared)

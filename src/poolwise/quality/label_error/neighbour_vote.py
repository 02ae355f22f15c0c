"""Labels of the nearest neighbours of a sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.k_nearest import k_nearest
from poolwise.geometry.neighbours import unit_rows
from poolwise.quality.label_error.self_confidence import Numbers, Quality

SPARE = 3
"""Neighbours asked for, for each one that may vote, where duplicates vote once."""


def neighbour_shares(
    labels: Numbers, embeddings: Floats, classes: int, k: int = 15, groups: Numbers | None = None
) -> Floats:
    """Return the shares of the classes among the k nearest others by angle, each weighed by its cosine.

    Args:
        labels: (N,) given labels, -1 for none: such samples get shares and have no vote.
        embeddings: (N, D).
        classes: C.
        k: how many vote; all others where they are fewer.
        groups: (N,) duplicate groups, -1 for none. A sample's own group has no vote, another group has one: that of its
            nearest member.

    Returns:
        (N, C) float32, rows sum to 1; even shares for a row without a vote.

    >>> points = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 1.0]])
    >>> neighbour_shares(np.array([0, 1, 1, 0]), points, 2, k=2)[0].tolist()
    [0.0, 1.0]
    """
    shares = np.full((len(labels), classes), 1 / classes, dtype=np.float32)
    for rows, which, weights in voters(labels, embeddings, k, groups):
        votes = counted(labels[which], weights, classes)
        total = votes.sum(axis=1, keepdims=True)
        np.divide(votes, total, out=votes, where=total > 0)
        shares[rows] = np.where(total > 0, votes, 1 / classes)
    return shares


def counted(given: Numbers, weights: Quality, classes: int) -> Quality:
    """Return (n, C) weights (n, k) added up by the classes (n, k) that they speak for; -1 must have weight 0.

    >>> counted(np.array([[0, 1, 1]]), np.array([[0.5, 1.0, 0.25]]), 2).tolist()
    [[0.5, 1.25]]
    """
    flat = np.repeat(np.arange(len(given)), given.shape[1]) * classes + np.maximum(given, 0).reshape(-1)
    votes = np.bincount(flat, weights=weights.reshape(-1), minlength=len(given) * classes)
    return np.asarray(votes.reshape(-1, classes), dtype=np.float64)


def voters(
    labels: Numbers, embeddings: Floats, k: int, groups: Numbers | None = None
) -> Iterator[tuple[slice, Numbers, Quality]]:
    """Yield rows of blocks, (n, k or more) which others are nearest, nearest first, and their cosines as weights.

    At most k in a row have a weight above 0. Those without a label (-1), opposite ones, and with groups those of the
    sample's own group or of one that came nearer, have weight 0. Nothing comes of fewer than two samples.
    """
    if len(labels) < 2:
        return
    points = np.ascontiguousarray(unit_rows(embeddings), dtype=np.float32)
    asked = min(len(labels) - 1, k if groups is None else SPARE * k)
    for rows, which, distances in k_nearest(points, asked):
        weights = np.maximum(1 - distances**2 / 2, 0).astype(np.float64)
        others = np.maximum(which, 0)
        weights[(which < 0) | (labels[others] < 0)] = 0
        if groups is not None:
            weights[_again(groups[others], groups[rows])] = 0
            weights[np.cumsum(weights > 0, axis=1) > k] = 0
        yield rows, others, weights


def _again(theirs: Numbers, own: Numbers) -> NDArray[np.bool_]:
    """Return (n, k) whether a neighbour is of the sample's own group, or of a group that came nearer."""
    repeated: NDArray[np.bool_] = (theirs == own[:, None]) & (own[:, None] >= 0)
    for at in range(1, theirs.shape[1]):
        repeated[:, at] |= (theirs[:, at, None] == theirs[:, :at]).any(axis=1) & (theirs[:, at] >= 0)
    return repeated

"""Spread points out so that every row has one near it: farthest-first traversal, the greedy k-centre.

Gonzalez (1985); for active learning Sener and Savarese (2018), algorithm 1. The radius reached is at most twice the
least possible one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.neighbours import blocks, nearest, squared_distances, squared_lengths

FRONT = 2048
"""Rows worked on between two looks at all rows; at width 256 they fit a core's cache."""


def farthest_first(
    points: Floats, size: int, rng: np.random.Generator, centres: Floats | None = None
) -> tuple[NDArray[np.int64], Floats]:
    """Pick `size` rows, each the farthest from all centres and earlier picks.

    Exact, yet it rarely looks at all rows. Distances to the nearest centre only fall, so the few rows that are farthest
    now (the front) hold the next picks for as long as their farthest is no nearer than any row outside was.
    Memory: two copies of `points` at most. Ties are broken by the generator.

    Args:
        points: (N, D) float32.
        size: how many, at most N.
        rng: breaks ties, and draws the first pick where there are no centres.
        centres: (L, D) points that cover already, or None.

    Returns:
        (size,) distinct rows in the order picked, and (size,) the distance of each to its nearest centre or earlier
        pick at that moment, never rising. The first pick without centres has none and is given that of the second.

    >>> rows, far = farthest_first(np.array([[0.0], [5.0], [9.0]]), 2, np.random.default_rng(0), np.array([[1.0]]))
    >>> rows.tolist(), far.round(3).tolist()
    ([2, 1], [8.0, 4.0])
    """
    order = rng.permutation(len(points))  # equal rows come in a random order, so the first of equals is a fair draw
    origin = points.mean(axis=0, dtype=np.float64).astype(np.float32) if len(points) else 0
    shuffled = np.asarray(points[order] - origin, dtype=np.float32)
    if centres is not None and len(centres):
        gaps = nearest(shuffled, np.asarray(centres - origin, dtype=np.float32))[1] ** 2
    else:
        gaps = np.full(len(points), np.inf, dtype=np.float32)
    rows, reached = _traverse(shuffled, gaps, size)
    if size and np.isinf(reached[0]):
        reached[0] = reached[1] if size > 1 else 0
    return order[rows], np.sqrt(reached)


def _traverse(points: Floats, gaps: Floats, size: int) -> tuple[NDArray[np.int64], Floats]:
    """Return picked rows and squared gaps. `gaps` (N,) is the squared distance to the nearest centre; it is used up."""
    picks: list[int] = []
    reached: list[float] = []
    front = FRONT
    while len(picks) < size:
        near, outside = _front(gaps, front)
        order, far = _greedy(points[near], gaps[near], outside, size - len(picks))
        new = near[order]
        picks += new.tolist()
        reached += far.tolist()
        if len(picks) < size:
            _lower(gaps, points, points[new])
            gaps[new] = -1
            front = front * 2 if len(new) < 16 else front
    return np.array(picks, dtype=np.int64), np.array(reached, dtype=np.float32)


def _front(gaps: Floats, most: int) -> tuple[NDArray[np.intp], float]:
    """Return the rows with the largest gaps, in order of row, and the largest gap among the others."""
    if len(gaps) <= most:
        return np.arange(len(gaps)), -np.inf
    parted = np.argpartition(gaps, len(gaps) - most)
    return np.sort(parted[-most:]), float(gaps[parted[:-most]].max())


def _greedy(points: Floats, gaps: Floats, outside: float, most: int) -> tuple[NDArray[np.int64], Floats]:
    """Pick farthest first among the front alone, until a row outside of it might be farther."""
    lengths = squared_lengths(points)
    picks: list[int] = []
    reached: list[float] = []
    while len(picks) < most:
        pick = int(gaps.argmax())
        gap = float(gaps[pick])
        if gap < 0 or (picks and gap < outside):
            break
        picks.append(pick)
        reached.append(gap)
        # einsum uses one thread: a product this small is over before a second one has woken up
        new = lengths + lengths[pick] - 2 * np.einsum("nd,d->n", points, points[pick])
        np.minimum(gaps, np.maximum(new, 0), out=gaps)
        gaps[picks] = -1  # a pick is never picked again, not even among rows that are all alike
    return np.array(picks, dtype=np.int64), np.array(reached, dtype=np.float32)


def _lower(gaps: Floats, points: Floats, centres: Floats) -> None:
    """Take new centres into the gaps of all rows, in place; picked rows (below 0) stay as they are."""
    for rows in blocks(len(points), len(centres)):
        np.minimum(gaps[rows], squared_distances(points[rows], centres).min(axis=1), out=gaps[rows])

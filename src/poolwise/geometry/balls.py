"""Cover rows by balls around a few of them: greedy maximum coverage, and the radius that keeps balls pure.

ProbCover (Yehuda et al. 2022): sections 3.2 (the greedy algorithm) and 3.3 (the radius).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.kmeans import kmeans
from poolwise.geometry.neighbours import nearest, squared_lengths

Rows = NDArray[np.int64]

ASKED = 4096
"""Rows whose purity is looked at: a share of 5 % is known to a third of a percent."""
STRIPE = 1 << 23
"""Distances computed in one go: 32 MB."""
FEW = 255
"""Rows that can be counted in one byte."""


def pure_radius(points: Floats, classes: int, purity: float, rng: np.random.Generator) -> float:
    """Return the largest radius at which a share `purity` of balls hold one pseudo-label only.

    Pseudo-labels are k-means clusters, as many as there are classes. The ball around a row is pure up to the distance
    of the nearest row of another cluster, so the radius is a quantile of these distances; no grid is searched.

    Args:
        points: (N, D) rows.
        classes: how many clusters, at least 2 are used.
        purity: share of pure balls, in 0..1.
        rng: seeds k-means and draws the up to 4096 rows whose balls are looked at.

    Returns:
        The radius; 0 where there is but one distinct row.

    >>> pure_radius(np.array([[0.0], [1.0], [9.0], [10.0]]), 2, 1.0, np.random.default_rng(0))
    8.0
    """
    labels = kmeans(points, max(2, classes), rng)[0]
    asked = rng.permutation(len(points))[:ASKED]
    reach = np.zeros(len(asked))
    for label in np.unique(labels[asked]):
        others, mine = points[labels != label], labels[asked] == label
        if len(others):
            reach[mine] = nearest(points[asked[mine]], others)[1]
    return float(np.quantile(reach, 1 - purity, method="lower"))


def cover(
    points: Floats, radius: float, size: int, open_rows: NDArray[np.bool_], barred: Sequence[int] | Rows = ()
) -> tuple[Rows, Rows]:
    """Pick rows one by one, each the one whose ball holds most rows that are open, until none is open.

    Who lies in whose ball is kept as bits: N^2 / 8 bytes, 50 MB at 20,000 rows. Each row is closed once, so all
    updates together read these bits once.

    Args:
        points: (N, D) rows, those to be preferred among equals first.
        radius: of the balls; a row lies in a ball if its centre is nearer than that. The centre itself always does.
        size: how many at most.
        open_rows: (N,) which rows are not covered yet. Any row may be picked, also one that is covered.
        barred: rows that are not to be picked and are not open.

    Returns:
        (P,) distinct rows in the order picked, P <= size, and (P,) how many open rows each covered.

    >>> rows, counts = cover(np.array([[0.0], [1.0], [2.0], [9.0]]), 1.5, 3, np.ones(4, dtype=bool))
    >>> rows.tolist(), counts.tolist()
    ([1, 3], [3, 1])
    """
    left = np.flatnonzero(open_rows)
    bits, counts = _balls(points, left, radius)
    counts[list(barred)] = -1
    still = np.ones(len(left), dtype=np.bool_)
    picks: list[int] = []
    covered: list[int] = []
    while len(picks) < size and still.any():
        pick = int(counts.argmax())
        picks.append(pick)
        covered.append(int(counts[pick]))
        # its column of the bits: the open rows in whose ball it lies are those in its own
        new = np.flatnonzero(still & ((bits[:, pick // 8] >> (7 - pick % 8)) & 1).astype(np.bool_))
        still[new] = False
        for start in range(0, len(new), FEW):
            some = np.unpackbits(bits[new[start : start + FEW]], axis=1, count=len(points))
            counts -= some.sum(axis=0, dtype=np.uint8)
    return np.array(picks, dtype=np.int64), np.array(covered, dtype=np.int64)


def _balls(points: Floats, left: Rows, radius: float) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return for each row of `left`, bits of the rows in its ball; and how many balls of `left` each row lies in."""
    centred = points - points.mean(axis=0, dtype=np.float64).astype(points.dtype)
    lengths = squared_lengths(centred)
    bits = np.empty((len(left), (len(points) + 7) // 8), dtype=np.uint8)
    counts = np.zeros(len(points), dtype=np.int64)
    step = max(1, STRIPE // max(1, len(points)))
    for start in range(0, len(left), step):
        rows = left[start : start + step]
        # |x|^2 + |y|^2 - 2 x.y < r^2, with one pass fewer
        products = centred[rows] @ centred.T
        products -= lengths / 2
        near = products > ((lengths[rows] - radius**2) / 2)[:, None]
        near[np.arange(len(rows)), rows] = True
        bits[start : start + step] = np.packbits(near, axis=1)
        for at in range(0, len(rows), FEW):
            counts += near[at : at + FEW].view(np.uint8).sum(axis=0, dtype=np.uint8)
    return bits, counts

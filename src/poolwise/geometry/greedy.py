"""Pick rows one by one by a score that wants distance to all earlier picks, exactly, rarely looking at all rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.neighbours import blocks, nearest, squared_distances

FRONT = 2048
"""Rows whose distances are brought up to date at every pick; at width 256 they fit a core's cache."""

Score = Callable[[Floats], Floats]
"""score(gaps): (N,) scores now from (N,) distances to the nearest centre or pick, never falling as one of them grows;
minus infinity where a row may not be taken. It is asked once a pick and may change from one to the next."""
Picked = Callable[[int], None]
"""picked(row): told of every pick before the next score is asked for."""


Found = tuple[NDArray[np.int64], Floats, Floats]
"""(m,) rows in the order picked, and (m,) score and distance of each at that moment."""


class Spread:
    """N rows and how far each is from its nearest centre; greedy picks become centres.

    Distances only fall. One that is out of date is an upper bound, and so is the score made from it; a row is taken
    when its score is the best and up to date. The rows with the best scores (the front) are kept up to date; all
    others are only when one of them comes out best, by one large product for all picks since.

    Cost: O(N) for a score a pick, O(B N D) in large products at worst. Memory: O(N) and the front.

    Args:
        points: (N, D) float32.
        centres: (L, D) what is covered already, or None: distances are infinite until the first pick.
        front: rows kept up to date.
    """

    def __init__(self, points: Floats, centres: Floats | None = None, front: int = FRONT) -> None:
        self._points = points
        self._origin = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        self._size = front
        self._front = np.empty(0, dtype=np.int64)
        self._near = points[:0]
        self._late: list[int] = []
        self._taken = np.zeros(len(points), dtype=np.bool_)
        self.gaps = np.full(len(points), np.inf, dtype=np.float32)
        if centres is not None and len(centres):
            self.gaps = nearest(points, np.asarray(centres, dtype=np.float32))[1].astype(np.float32, copy=False)

    def pick(self, size: int, score: Score, picked: Picked, rng: np.random.Generator, floor: float = 0.0) -> Found:
        """Pick up to `size` rows, fewer where no other may be taken; ties are broken by the generator.

        Args:
            size: how many.
            score: see `Score`.
            picked: see `Picked`.
            rng: breaks ties.
            floor: the lowest score a row can fall to as its distance falls: at it, out of date does not matter.

        Returns:
            See `Found`; m may be less than `size`.
        """
        rows: list[int] = []
        when_picked: list[tuple[float, float]] = []
        while len(rows) < size:
            scores = np.where(self._taken, -np.inf, score(self.gaps))
            top = scores.max()
            if top == -np.inf:
                break
            tied = np.flatnonzero(scores == top)
            if self._late and top > floor and not self._current(tied):
                self._catch_up()
                self._lead(np.where(self._taken, -np.inf, score(self.gaps)))
                continue
            row = int(tied[rng.integers(len(tied))])
            rows.append(row)
            when_picked.append((float(top), float(self.gaps[row])))
            self._take(row)
            picked(row)
        values = np.array(when_picked, dtype=np.float32).reshape(-1, 2)
        return np.array(rows, dtype=np.int64), values[:, 0], values[:, 1]

    def _current(self, rows: NDArray[np.int64]) -> bool:
        """Return whether all these distances are up to date: in the front, or with nowhere to fall to."""
        return bool((self.gaps[np.setdiff1d(rows, self._front, assume_unique=True)] == 0).all())

    def _take(self, row: int) -> None:
        self._taken[row] = True
        self._late.append(row)
        if len(self._front):
            centre = self._points[row] - self._origin
            distances = np.sqrt(squared_distances(self._near, centre[None])[:, 0])
            self.gaps[self._front] = np.minimum(self.gaps[self._front], distances)

    def _catch_up(self) -> None:
        """Bring all distances up to date."""
        if len(self._late) < 16 and len(self._front):
            self._size *= 2  # the front did not last
        new = self._points[self._late] - self._origin
        for rows in blocks(len(self.gaps), len(new)):
            squared = squared_distances(self._points[rows] - self._origin, new).min(axis=1)
            np.minimum(self.gaps[rows], np.sqrt(squared), out=self.gaps[rows])
        self._late.clear()

    def _lead(self, scores: Floats) -> None:
        """Make the rows with the best scores the front."""
        most = min(self._size, len(scores))
        self._front = np.sort(np.argpartition(scores, len(scores) - most)[len(scores) - most :])
        self._near = self._points[self._front] - self._origin


def joined(earlier: Found, later: Found) -> Found:
    """Return picks of two calls as one."""
    rows, scores, gaps = (np.concatenate([a, b]) for a, b in zip(earlier, later, strict=True))
    return rows, scores, gaps

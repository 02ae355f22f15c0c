"""Pick rows whose Fisher information makes that of the pool certain: greedy trace minimisation (Ash et al. 2021).

With M the information of what is labelled and picked, P = inverse(M) and F the information of the pool, the trace of
P F is to be small. A row adds V V' to M; by Woodbury's identity that lowers the trace by tr((I + V'PV)^-1 V'PFPV). Both
inner matrices of every row are kept and updated after each pick, so that none is ever inverted anew.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from poolwise.geometry.neighbours import blocks
from poolwise.types import Floats

Doubles = NDArray[np.float64]

REFRESH = 256
"""Picks between two computations of all inner products from the points, which ends the drift of updates."""
IN_CACHE = 512
"""Points multiplied in one go by the two columns of a pick; at width 256 they fit a core's cache."""
ROUNDING = 1e-6
"""Gains closer than this share are a tie."""


class RankOne:
    """Rows whose information is one outer product x x' each, x = sqrt(weight) * point: a pick costs O(N D).

    Args:
        points: (N, D) float32.
        weights: (N,) at least 0.
        inverse: (D, D) P.
        pool: (D, D) F.
    """

    def __init__(self, points: Floats, weights: Floats, inverse: Doubles, pool: Doubles) -> None:
        self._points, self._weights, self._roots = points, weights, np.sqrt(weights)
        self.inverse, self._pool = inverse, pool
        self._count = 0
        self._refresh()

    def of(self, rows: NDArray[np.int64]) -> RankOne:
        """Some of the rows, with the information gathered so far."""
        return RankOne(self._points[rows], self._weights[rows], self.inverse, self._pool)

    def trace(self) -> float:
        """tr(P F), what is still uncertain."""
        return float(np.einsum("ij,ij->", self.inverse, self._pool))

    def change(self, sign: int) -> Floats:
        """(N,) by how much the trace falls when a row is added (sign 1), or rises when it is removed (-1)."""
        changes: Floats = self._outer / (1 + sign * self._inner)
        return changes

    def take(self, row: int, sign: int) -> None:
        """Add a row to M, or remove it."""
        x = self._points[row].astype(np.float64) * np.sqrt(np.float64(self._weights[row]))
        first = self.inverse @ x
        second = self.inverse @ (self._pool @ first)
        scale = 1 + sign * (x @ first)
        middle = first @ self._pool @ first
        self.inverse = self.inverse - sign * np.outer(first, first) / scale
        self._count += 1
        if self._count % REFRESH == 0:
            self._refresh()
            return
        q, r = self._roots * self._products(first, second)
        self._inner -= sign * q * q / np.float32(scale)
        self._outer -= 2 * sign * q * r / np.float32(scale) - q * q * np.float32(middle / scale**2)
        np.maximum(self._inner, 0, out=self._inner)
        np.maximum(self._outer, 0, out=self._outer)

    def _products(self, *columns: Doubles) -> Floats:
        """(m, N) products of the points with m columns; in blocks, so that points come from memory once."""
        found = np.empty((len(columns), len(self._points)), dtype=np.float32)
        single = [column.astype(np.float32) for column in columns]
        for at in range(0, len(self._points), IN_CACHE):
            for row, column in zip(found, single, strict=True):
                np.dot(self._points[at : at + IN_CACHE], column, out=row[at : at + IN_CACHE])
        return found

    def _refresh(self) -> None:
        """Both products of every row, x'Px and x'PFPx, from the points."""
        self._inner, self._outer = (
            np.maximum(self._weights * _forms(self._points, matrix.astype(np.float32)), 0)
            for matrix in (self.inverse, self.inverse @ self._pool @ self.inverse)
        )


class RankMany:
    """Rows whose information is (S S') kron (h h') each, S (C, C): a pick costs O(N C^2 (C + D)), memory N C^2 twice.

    Args:
        points: (N, D) float32, h.
        roots_ncc: (N, C, C) S.
        inverse: (C * D, C * D) P.
        pool: (C * D, C * D) F.
    """

    def __init__(self, points: Floats, roots_ncc: Floats, inverse: Doubles, pool: Doubles) -> None:
        self._points, self._roots = points, roots_ncc
        self.inverse, self._pool = inverse, pool
        self._count = 0
        self._refresh()

    def of(self, rows: NDArray[np.int64]) -> RankMany:
        """Some of the rows, with the information gathered so far."""
        return RankMany(self._points[rows], self._roots[rows], self.inverse, self._pool)

    def trace(self) -> float:
        """tr(P F), what is still uncertain."""
        return float(np.einsum("ij,ij->", self.inverse, self._pool))

    def change(self, sign: int) -> Floats:
        """(N,) by how much the trace falls when a row is added (sign 1), or rises when it is removed (-1)."""
        found = np.empty(len(self._points), dtype=np.float32)
        unit = np.eye(self._roots.shape[1])
        for rows in blocks(len(found), 4 * unit.size):
            solved = np.linalg.solve(unit + sign * self._inner[rows], self._outer[rows].astype(np.float64))
            found[rows] = np.trace(solved, axis1=1, axis2=2)
        return found

    def take(self, row: int, sign: int) -> None:
        """Add a row to M, or remove it."""
        columns = np.kron(self._roots[row].astype(np.float64), self._points[row].astype(np.float64)[:, None])
        first = self.inverse @ columns
        second = self.inverse @ (self._pool @ first)
        scale = np.linalg.inv(np.eye(columns.shape[1]) + sign * (columns.T @ first))
        middle = scale @ (first.T @ self._pool @ first) @ scale
        self.inverse = self.inverse - sign * first @ scale @ first.T
        self._count += 1
        if self._count % REFRESH == 0:
            self._refresh()
            return
        for rows in blocks(len(self._points), 4 * columns.shape[1] ** 2):
            q, r = self._inside(rows, first), self._inside(rows, second)
            cross = q @ scale @ r.transpose(0, 2, 1)
            self._inner[rows] -= sign * (q @ scale @ q.transpose(0, 2, 1))
            self._outer[rows] -= sign * (cross + cross.transpose(0, 2, 1)) - q @ middle @ q.transpose(0, 2, 1)

    def _inside(self, rows: slice, columns: Doubles) -> Doubles:
        """(n, C, m) V'U of some rows, for U (C * D, m)."""
        width = self._points.shape[1]
        wide = columns.reshape(-1, width, columns.shape[1]).transpose(1, 0, 2).reshape(width, -1)
        found = (self._points[rows] @ wide).reshape(-1, self._roots.shape[1], columns.shape[1])
        return self._roots[rows].transpose(0, 2, 1) @ found

    def _refresh(self) -> None:
        """Both products of every row, V'PV and V'PFPV, from the points."""
        shape = self._roots.shape
        self._inner, self._outer = (np.zeros(shape, dtype=np.float32) for _ in range(2))
        for target, matrix in ((self._inner, self.inverse), (self._outer, self.inverse @ self._pool @ self.inverse)):
            width = self._points.shape[1]
            for rows in blocks(len(self._points), 4 * shape[1] ** 2):
                middle = np.empty((len(self._points[rows]), shape[1], shape[1]))
                for a in range(shape[1]):
                    for b in range(shape[1]):
                        part = matrix[a * width : (a + 1) * width, b * width : (b + 1) * width]
                        middle[:, a, b] = _forms(self._points[rows], part)
                target[rows] = self._roots[rows].transpose(0, 2, 1) @ middle @ self._roots[rows]


def forward_backward(
    form: RankOne | RankMany, count: int, size: int, more: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats]:
    """Pick `more` of `count` rows one by one, each lowering the trace most, then drop those it rises least without.

    Args:
        form: the rows and the information so far.
        count: N.
        size: how many to end with.
        more: how many to pick before dropping, from `size` to N.
        rng: breaks ties.

    Returns:
        (size,) distinct rows in the order picked, and (size,) share by which each lowered the trace when picked.
    """
    rows: list[int] = []
    shares: list[float] = []
    free = np.ones(count, dtype=np.bool_)
    while len(rows) < more:
        before = form.trace()
        gains = np.where(free, form.change(1), -np.inf)
        row = _largest(gains, rng)
        rows.append(row)
        shares.append(float(gains[row]) / before if before > 0 else 0.0)
        free[row] = False
        form.take(row, 1)
    picked, lowered = np.array(rows, dtype=np.int64), np.array(shares, dtype=np.float32)
    kept = pruned(form.of(picked), more, size, rng)
    return picked[kept], lowered[kept]


def pruned(form: RankOne | RankMany, count: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(size,) of `count` rows that are all part of M, ascending: again and again the one that is missed least goes."""
    kept = np.ones(count, dtype=np.bool_)
    for _ in range(count - size):
        row = _largest(np.where(kept, -form.change(-1), -np.inf), rng)
        kept[row] = False
        form.take(row, -1)
    return np.flatnonzero(kept)


def total(points: Floats, weights: Floats) -> Doubles:
    """(D, D) weighted sum of the outer products of rows (N, D) with themselves.

    >>> total(np.array([[1.0, 2.0]]), np.array([0.5])).tolist()
    [[0.5, 1.0], [1.0, 2.0]]
    """
    return _summed(points.shape[1], len(points), lambda rows: points[rows].T @ (points[rows] * weights[rows, None]))


def total_many(points: Floats, roots_ncc: Floats) -> Doubles:
    """(C * D, C * D) sum over rows of (S S') kron (h h'), for h (N, D) and S (N, C, C)."""
    classes, width = roots_ncc.shape[1], points.shape[1]
    found = np.zeros((classes, width, classes, width))
    inner_ncc = roots_ncc @ roots_ncc.transpose(0, 2, 1)
    for a in range(classes):
        for b in range(a + 1):
            found[a, :, b, :] = total(points, inner_ncc[:, a, b])
            found[b, :, a, :] = found[a, :, b, :].T
    return found.reshape(classes * width, classes * width)


def _summed(width: int, count: int, part: Callable[[slice], NDArray[np.floating]]) -> Doubles:
    found = np.zeros((width, width))
    for rows in blocks(count, width):
        found += part(rows)
    return found


def _forms(points: Floats, matrix: Floats | Doubles) -> Floats:
    """(N,) x'Ax of each row."""
    found = np.empty(len(points), dtype=matrix.dtype)
    for rows in blocks(len(points), points.shape[1]):
        found[rows] = np.einsum("nd,nd->n", points[rows] @ matrix, points[rows])
    return found


def _largest(values: Floats, rng: np.random.Generator) -> int:
    """A row with the largest value, by lot among those within rounding."""
    top = values.max()
    tied = np.flatnonzero(values >= top - ROUNDING * abs(top))
    return int(tied[rng.integers(len(tied))])

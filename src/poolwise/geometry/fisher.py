"""Pick rows whose Fisher information makes that of the pool certain: greedy trace minimisation (Ash et al. 2021).

With M the information of what is labelled and picked, P = inverse(M) and F the information of the pool, the trace of
P F is to be small. A row adds V V' to M; by Woodbury's identity that lowers the trace by tr((I + V'PV)^-1 V'PFPV). Both
inner matrices of every row are kept and updated after each pick, so that none is ever inverted anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.neighbours import blocks

Doubles = NDArray[np.float64]

REFRESH = 256
"""Picks between two computations of P and all inner products anew, which ends the drift of updates."""
REFRESH_WHEN_DROPPING = 16
"""The same between rows dropped, at most: each divides by one minus something that is nearly one."""
QUICK = 1 << 24
"""Multiplications that are always worth the exactness."""
IN_CACHE = 512
"""Points multiplied in one go by the two columns of a pick; at width 256 they fit a core's cache."""
ROUNDING = 1e-6
"""Gains closer than this share are a tie."""


class RankOne:
    """Rows whose information is one outer product x x' each, x = sqrt(weight) * point: a pick costs O(N D).

    Products of rows are kept in the precision of the points.

    Args:
        points: (N, D).
        weights: (N,) at least 0.
        gathered: (D, D) M.
        pool: (D, D) F.
        refresh: picks between two computations from the points; 0 for the usual number.
    """

    inverse: Doubles
    _inner: Any
    _outer: Any

    def __init__(
        self, points: Floats | Doubles, weights: Floats, gathered: Doubles, pool: Doubles, refresh: int = 0
    ) -> None:
        self._points: Any = points
        self._weights: Any = weights.astype(points.dtype)
        self._roots = np.sqrt(self._weights)
        self._gathered, self._pool, self._every = gathered, pool, refresh or REFRESH
        self._count = 0
        self._refresh()

    def of(self, rows: NDArray[np.int64]) -> RankOne:
        """Return some of the rows, in float64, with the information gathered so far."""
        every = _often(len(rows) * self._pool.size)
        return RankOne(self._points[rows].astype(np.float64), self._weights[rows], self._gathered, self._pool, every)

    def trace(self) -> float:
        """Return tr(P F), what is still uncertain."""
        return float(np.einsum("ij,ij->", self.inverse, self._pool))

    def change(self, sign: int) -> Floats:
        """Return (N,) by how much the trace falls when a row is added (sign 1), or rises when it is removed (-1)."""
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
        self._gathered = self._gathered + sign * np.outer(x, x)
        self._count += 1
        if self._count % self._every == 0:
            self._refresh()
            return
        q, r = self._roots * self._products(first, second)
        one = self._points.dtype.type
        self._inner -= sign * q * q / one(scale)
        self._outer -= 2 * sign * q * r / one(scale) - q * q * one(middle / scale**2)
        np.maximum(self._inner, 0, out=self._inner)
        np.maximum(self._outer, 0, out=self._outer)

    def _products(self, *columns: Doubles) -> Floats:
        """Return (m, N) products of the points with m columns; in blocks, so that points come from memory once."""
        products = np.empty((len(columns), len(self._points)), dtype=self._points.dtype)
        single = [column.astype(products.dtype) for column in columns]
        for at in range(0, len(self._points), IN_CACHE):
            for row, column in zip(products, single, strict=True):
                np.dot(self._points[at : at + IN_CACHE], column, out=row[at : at + IN_CACHE])
        return products

    def _refresh(self) -> None:
        """Compute P, and both products of every row, x'Px and x'PFPx, from the points."""
        self.inverse = np.asarray(np.linalg.inv(self._gathered), dtype=np.float64)
        self._inner, self._outer = (
            np.maximum(self._weights * _forms(self._points, matrix.astype(self._points.dtype)), 0)
            for matrix in (self.inverse, self.inverse @ self._pool @ self.inverse)
        )


class RankMany:
    """Rows whose information is (S S') kron (h h') each, S (C, C): a pick costs O(N C^2 (C + D)), memory N C^2 twice.

    Args:
        points: (N, D), h.
        roots_ncc: (N, C, C) S.
        gathered: (C * D, C * D) M.
        pool: (C * D, C * D) F.
        refresh: picks between two computations from the points; 0 for the usual number.
    """

    inverse: Doubles
    _inner: Any
    _outer: Any

    def __init__(
        self,
        points: Floats | Doubles,
        roots_ncc: Floats | Doubles,
        gathered: Doubles,
        pool: Doubles,
        refresh: int = 0,
    ) -> None:
        self._points: Any = points
        self._roots: Any = roots_ncc
        self._gathered, self._pool, self._every = gathered, pool, refresh or REFRESH
        self._count = 0
        self._refresh()

    def of(self, rows: NDArray[np.int64]) -> RankMany:
        """Return some of the rows, in float64, with the information gathered so far."""
        points, roots = (array[rows].astype(np.float64) for array in (self._points, self._roots))
        every = _often(max(len(rows), len(self._pool)) * self._pool.size)
        return RankMany(points, roots, self._gathered, self._pool, every)

    def trace(self) -> float:
        """Return tr(P F), what is still uncertain."""
        return float(np.einsum("ij,ij->", self.inverse, self._pool))

    def change(self, sign: int) -> Floats:
        """Return (N,) by how much the trace falls when a row is added (sign 1), or rises when it is removed (-1)."""
        traces = np.empty(len(self._points), dtype=self._points.dtype)
        unit = np.eye(self._roots.shape[1])
        for rows in blocks(len(traces), 4 * unit.size):
            solved = np.linalg.solve(unit + sign * self._inner[rows], self._outer[rows].astype(np.float64))
            traces[rows] = np.trace(solved, axis1=1, axis2=2)
        return traces

    def take(self, row: int, sign: int) -> None:
        """Add a row to M, or remove it."""
        columns = np.kron(self._roots[row].astype(np.float64), self._points[row].astype(np.float64)[:, None])
        first = self.inverse @ columns
        second = self.inverse @ (self._pool @ first)
        scale = np.linalg.inv(np.eye(columns.shape[1]) + sign * (columns.T @ first))
        middle = scale @ (first.T @ self._pool @ first) @ scale
        self.inverse = self.inverse - sign * first @ scale @ first.T
        self._gathered = self._gathered + sign * columns @ columns.T
        self._count += 1
        if self._count % self._every == 0:
            self._refresh()
            return
        for rows in blocks(len(self._points), 4 * columns.shape[1] ** 2):
            q, r = self._inside(rows, first), self._inside(rows, second)
            cross = q @ scale @ r.transpose(0, 2, 1)
            self._inner[rows] -= sign * (q @ scale @ q.transpose(0, 2, 1))
            self._outer[rows] -= sign * (cross + cross.transpose(0, 2, 1)) - q @ middle @ q.transpose(0, 2, 1)

    def _inside(self, rows: slice, columns: Doubles) -> Doubles:
        """Return (n, C, m) V'U of some rows, for U (C * D, m)."""
        width = self._points.shape[1]
        wide = columns.reshape(-1, width, columns.shape[1]).transpose(1, 0, 2).reshape(width, -1)
        mixed = (self._points[rows] @ wide).reshape(-1, self._roots.shape[1], columns.shape[1])
        inside: Doubles = self._roots[rows].transpose(0, 2, 1) @ mixed
        return inside

    def _refresh(self) -> None:
        """Compute P, and both products of every row, V'PV and V'PFPV, from the points."""
        self.inverse = np.asarray(np.linalg.inv(self._gathered), dtype=np.float64)
        shape = self._roots.shape
        self._inner, self._outer = (np.zeros(shape, dtype=self._points.dtype) for _ in range(2))
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
    """Return (size,) of `count` rows that are all part of M, ascending: again and again the one missed least goes."""
    kept = np.ones(count, dtype=np.bool_)
    for _ in range(count - size):
        row = _largest(np.where(kept, -form.change(-1), -np.inf), rng)
        kept[row] = False
        form.take(row, -1)
    return np.flatnonzero(kept)


def _often(multiplications: int) -> int:
    """Return rows dropped between two computations that cost so much."""
    return int(np.clip(multiplications // QUICK, 1, REFRESH_WHEN_DROPPING))


def total(points: Floats, weights: Floats) -> Doubles:
    """Return (D, D) weighted sum of the outer products of rows (N, D) with themselves, symmetric to the last digit.

    >>> total(np.array([[1.0, 2.0]]), np.array([0.5])).tolist()
    [[0.5, 1.0], [1.0, 2.0]]
    """
    summed = np.zeros((points.shape[1], points.shape[1]))
    for rows in blocks(len(points), points.shape[1]):
        some = points[rows].astype(np.float64)
        summed += some.T @ (some * weights[rows, None])
    return (summed + summed.T) / 2


def total_many(points: Floats, roots_ncc: Floats) -> Doubles:
    """Return (C * D, C * D) sum over rows of (S S') kron (h h'), for h (N, D) and S (N, C, C)."""
    classes, width = roots_ncc.shape[1], points.shape[1]
    summed = np.zeros((classes, width, classes, width))
    inner_ncc = roots_ncc @ roots_ncc.transpose(0, 2, 1)
    for a in range(classes):
        for b in range(a + 1):
            summed[a, :, b, :] = total(points, inner_ncc[:, a, b])
            summed[b, :, a, :] = summed[a, :, b, :].T
    return summed.reshape(classes * width, classes * width)


def _forms(points: Floats | Doubles, matrix: Floats | Doubles) -> Floats:
    """Return (N,) x'Ax of each row."""
    forms = np.empty(len(points), dtype=matrix.dtype)
    for rows in blocks(len(points), points.shape[1]):
        forms[rows] = np.einsum("nd,nd->n", points[rows] @ matrix, points[rows])
    return forms


def _largest(values: Floats, rng: np.random.Generator) -> int:
    """Return a row with the largest value, by lot among those within rounding."""
    top = values.max()
    tied = np.flatnonzero(values >= top - ROUNDING * abs(top))
    return int(tied[rng.integers(len(tied))])

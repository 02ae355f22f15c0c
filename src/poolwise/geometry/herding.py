"""Rows that stand for many others: greedy coverage by a kernel, as in herding.

Generalized coverage (Bae et al. 2024, equation 3) with a weight a row (Bae et al. 2025, equation 2): choose S so that
mean_n w_n max_{s in S} k(x_n, s) grows most, k(x, s) = exp(-|x - s|^2 / sigma^2) on rows of length 1. The greedy choice
is within 1 - 1/e of the best set.

A dense greedy looks at N x N kernels, pick after pick. Here a kernel is computed about once: a row gains from another
only while it is nearer to it than every earlier pick is, so after some picks few pairs are left, and those are kept.
For the first picks, rows are ranked by some of the rows and the best of them compared by all.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.neighbours import blocks, unit_rows

Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]

PAIRS = 12_000_000
"""Pairs of rows kept at once: 8 bytes each, and up to twice that while they are collected."""
RANKED_BY = 2048
"""Rows by which all are ranked while more pairs than that count."""
STRIPE = 1 << 23
"""Kernels computed in one go: 32 MB."""
COMPARED = 256
"""Rows of the best rank that are compared by all."""
LEAST = 1e-12
"""Kernels below this are taken as 0."""
NARROWEST = 0.01
"""Width below which rounding in float32 would tell in the kernel of a row with itself; only copies are so near anyway."""


def herd(
    points: Floats,
    size: int,
    rng: np.random.Generator,
    *,
    weights: NDArray[np.float32] | None = None,
    covered_by: Floats | None = None,
    sigma: float = 1.0,
    sample: int = 20_000,
) -> tuple[Rows, Doubles]:
    """Pick rows one by one, each the one that adds most coverage.

    Exactly the greedy choice where the rows looked at make at most 12 million pairs, and from the pick on at which so few
    are left; before that the best of 256 that are foremost by 2048 random rows.

    Args:
        points: (N, D) rows; only their direction counts.
        size: how many, at most N.
        rng: draws the rows looked at, and breaks ties.
        weights: (N,) how much it counts that a row is covered, at least 0; None: all alike.
        covered_by: (L, D) rows that cover already, or None.
        sigma: width of the kernel, in units of the length of a row; 0.01 at least.
        sample: of more rows than this (or than twice `size`) a random subset stands for all: picks come from it, and its
            coverage counts. One subset for both, as under a narrow kernel a row is covered by little but itself.

    Returns:
        (size,) distinct rows in the order picked, and (size,) coverage gained by each, at least 0 and at most the
        largest weight. Where nothing more can be gained, rows come at random.

    >>> points = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 1.0]])
    >>> rows, gains = herd(points, 2, np.random.default_rng(0))
    >>> rows.tolist(), gains.round(2).tolist()
    ([2, 3], [0.79, 0.2])
    """
    # in a random order, so that the first of equals is a fair draw
    some = rng.permutation(len(points))[: max(sample, 2 * size)]
    race = _Race(points[some], None if weights is None else weights[some], covered_by, sigma)
    if len(some) ** 2 > PAIRS:
        race.rank(size)
    race.finish(size)
    return some[race.picks], np.maximum(race.gained, 0)


class _Race:
    """Rows (M, D) of which some are to cover all, the state of one greedy run."""

    def __init__(
        self, rows: Floats, weights: NDArray[np.float32] | None, covered_by: Floats | None, sigma: float
    ) -> None:
        self.rows = unit_rows(rows)
        share = np.ones(len(rows), dtype=np.float32) if weights is None else np.asarray(weights, dtype=np.float32)
        self.weights = share / np.float32(len(rows))
        self.scale = 2 / max(sigma, NARROWEST) ** 2
        self.covered = np.zeros(len(rows), dtype=np.float32)
        """(M,) the largest kernel with anything that covers."""
        if covered_by is not None and len(covered_by):
            labelled = unit_rows(covered_by)
            for some in blocks(len(rows), len(labelled)):
                self.covered[some] = self._kernel((self.rows[some] @ labelled.T).max(axis=1))
        self.picks: list[int] = []
        self.gained: list[float] = []

    def rank(self, size: int) -> None:
        """Pick by rank and comparison until few enough pairs are left, or all `size` are picked.

        What a row gains from others is estimated from the ranking rows; what it gains from itself, most of all, is known.
        """
        count, few = len(self.rows), slice(0, RANKED_BY)
        kernels = self._kernel(self.rows[few] @ self.rows.T)
        np.fill_diagonal(kernels, 0)  # the first rows are the ranking ones: none is to rank by itself
        others = np.zeros(count)
        for some in blocks(len(kernels), count):
            others += self.weights[few][some] @ _above(kernels[some], self.covered[few][some])
        scale = (count - 1) / (len(kernels) - (np.arange(count) < len(kernels)))
        while len(self.picks) < size and self._left(kernels) > PAIRS:
            estimates = scale * others + self.weights * (1 - self.covered)
            estimates[self.picks] = -np.inf
            foremost = np.argpartition(-estimates, COMPARED - 1)[:COMPARED] if len(estimates) > COMPARED else ...
            which = np.arange(len(estimates))[foremost]
            gains = self._gains(which)
            gains[np.isin(which, self.picks)] = -np.inf
            before = self.covered[few].copy()
            self._take(int(which[gains.argmax()]), float(gains.max()))
            changed = np.flatnonzero(self.covered[few] > before)
            for some in blocks(len(changed), len(self.rows)):
                at = changed[some]
                others -= self.weights[at] @ (_above(kernels[at], before[at]) - _above(kernels[at], self.covered[at]))

    def finish(self, size: int) -> None:
        """Pick by the pairs that are left, exactly."""
        if len(self.picks) == size:
            return
        pairs, gains = self._pairs()
        gains[self.picks] = -np.inf
        while len(self.picks) < size:
            pick = int(gains.argmax())
            before = self.covered.copy()
            self._take(pick, float(gains[pick]))
            rows, which, kernels = pairs.of(np.flatnonzero(self.covered > before), self.covered)
            lost = np.maximum(kernels - before[rows], 0) - np.maximum(kernels - self.covered[rows], 0)
            gains -= np.bincount(which, self.weights[rows] * lost, minlength=len(gains))
            gains[pick] = -np.inf

    def _kernel(self, cosines: Floats) -> Floats:
        """Return exp(-|x - y|^2 / sigma^2) from the cosine of rows of length 1, in place."""
        cosines -= 1
        cosines *= self.scale
        np.minimum(cosines, 0, out=cosines)
        return np.exp(cosines, out=cosines)

    def _gains(self, which: Rows) -> Doubles:
        """Return the true gains of some candidates."""
        gains = np.zeros(len(which))
        for some in _stripes(len(self.rows), len(which)):
            kernels = self._kernel(self.rows[some] @ self.rows[which].T)
            gains += self.weights[some] @ _above(kernels, self.covered[some])
        return gains

    def _left(self, kernels: Floats) -> float:
        """Return about how many pairs can still gain, by the first of the ranking rows."""
        some = kernels[:128]
        least = np.maximum(self.covered[: len(some), None], LEAST)
        return float((some > least).mean()) * len(self.rows) * len(self.rows)

    def _take(self, pick: int, gain: float) -> None:
        self.picks.append(pick)
        self.gained.append(gain)
        np.maximum(self.covered, self._kernel(self.rows @ self.rows[pick]), out=self.covered)

    def _pairs(self) -> tuple[_Pairs, Doubles]:
        """Return the pairs that can still gain, and the (M,) gain of each row."""
        least = 1 + np.log(np.maximum(self.covered, LEAST)) / np.float32(self.scale)
        gains, counts = np.zeros(len(self.rows)), np.zeros(len(self.rows), dtype=np.int64)
        which, kernels = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.float32)]
        for some in _stripes(len(self.rows), len(self.rows)):
            cosines = self.rows[some] @ self.rows.T
            left = cosines > least[some, None]
            counts[some] = np.count_nonzero(left, axis=1)
            cells = np.flatnonzero(left)
            column = cells - np.repeat(np.arange(len(cosines)) * len(self.rows), counts[some])
            kernel = self._kernel(cosines.ravel()[cells])
            more = np.maximum(kernel - np.repeat(self.covered[some], counts[some]), 0)
            gains += np.bincount(column, np.repeat(self.weights[some], counts[some]) * more, minlength=len(gains))
            which.append(column.astype(np.int32))
            kernels.append(kernel)
        return _Pairs(counts, np.concatenate(which), np.concatenate(kernels)), gains


class _Pairs:
    """Rows that can still gain from a row, with their kernels, row by row of the covered."""

    def __init__(self, counts: Rows, which: NDArray[np.int32], kernels: Floats) -> None:
        self.counts, self.which, self.kernels = counts, which, kernels
        self.starts = np.cumsum(counts) - counts
        self.visited = 0

    def of(self, rows: Rows, covered: Floats) -> tuple[Rows, NDArray[np.int32], Floats]:
        """Return (P,) covered row, covering row and kernel of all pairs of some covered rows."""
        counts = self.counts[rows]
        places = np.repeat(self.starts[rows] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        entries = np.repeat(rows, counts), self.which[places], self.kernels[places]
        self.visited += len(places)
        if self.visited > len(self.which):
            self._forget(covered)
        return entries

    def _forget(self, covered: Floats) -> None:
        """Drop the pairs that can gain no more; done when as many were visited as there are, so it costs little."""
        kept = self.kernels > np.repeat(covered, self.counts)
        row = np.repeat(np.arange(len(covered), dtype=np.int32), self.counts)[kept]
        self.which, self.kernels = self.which[kept], self.kernels[kept]
        self.counts = np.bincount(row, minlength=len(covered))
        self.starts, self.visited = np.cumsum(self.counts) - self.counts, 0


def _stripes(rows: int, columns: int) -> Iterator[slice]:
    """Return blocks of many rows: a product that is both wide and low runs at half speed."""
    step = max(1, STRIPE // max(1, columns))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _above(kernels: Floats, covered: Floats) -> Floats:
    """Return (n, m) by how much kernels exceed what covers each row (n,) already."""
    more: Floats = kernels - covered[:, None]
    return np.maximum(more, 0, out=more)

"""Rows that stand for many others: greedy coverage by a kernel, as in herding.

Generalized coverage (Bae et al. 2024, equation 3) with a weight a row (Bae et al. 2025, equation 2): choose S so that
mean_n w_n max_{s in S} k(x_n, s) grows most, k(x, s) = exp(-|x - s|^2 / sigma^2) on rows of length 1. The greedy choice
is within 1 - 1/e of the best set.

A dense greedy looks at N x N kernels, pick after pick. Here a kernel is computed about once: a candidate gains from a
row only while it is nearer to it than every earlier pick is, so after some picks few pairs are left, and those are kept.
For the first picks, candidates are ranked by some of the rows and the best of them compared by all.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from poolwise.geometry.neighbours import blocks, unit_rows
from poolwise.types import Floats

Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]

PAIRS = 12_000_000
"""Pairs of a row and a candidate kept at once: 8 bytes each, and up to twice that while they are collected."""
RANKED_BY = 2048
"""Rows by which all candidates are ranked while more pairs than that count."""
STRIPE = 1 << 23
"""Kernels computed in one go: 32 MB."""
COMPARED = 256
"""Candidates of the best rank that are compared by all rows."""
LEAST = 1e-12
"""Kernels below this are taken as 0."""
NARROWEST = 0.01
"""Width below which rounding in float32 would tell in the kernel of a row with itself; only copies are so near anyway."""
COPIES = 1e-3
"""Rows of length 1 nearer than this are copies: float32 keeps a squared distance to about 1e-6."""


def herd(
    points: Floats,
    size: int,
    rng: np.random.Generator,
    *,
    weights: NDArray[np.float32] | None = None,
    covered_by: Floats | None = None,
    sigma: float = 1.0,
    candidates: int = 20_000,
    references: int = 20_000,
) -> tuple[Rows, Doubles]:
    """Pick rows one by one, each the one that adds most coverage.

    Exactly the greedy choice where candidates x references are at most 12 million pairs, and from the pick on at which
    so few are left; before that the best of 256 that are foremost by 2048 random references. At 20,000 x 128 and 100
    picks the coverage reached was 0.05 % above that of the exact greedy on clustered rows and 0.12 % below on rows
    without structure, in 0.3 GB.

    Args:
        points: (N, D) rows; only their direction counts.
        size: how many, at most N.
        rng: draws candidates and references, and breaks ties.
        weights: (N,) how much it counts that a row is covered, at least 0; None: all alike.
        covered_by: (L, D) rows that cover already, or None.
        sigma: width of the kernel, in units of the length of a row; 0.01 at least.
        candidates: picks come from a random subset of at most this many rows (at least twice `size`).
        references: the mean over all rows is taken over a random subset of at most this many.

    Returns:
        (size,) distinct rows in the order picked, and (size,) coverage gained by each, at least 0 and at most the
        largest weight. Where nothing more can be gained, rows come at random.

    >>> points = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 1.0]])
    >>> rows, gains = herd(points, 2, np.random.default_rng(0))
    >>> rows.tolist(), gains.round(2).tolist()
    ([2, 3], [0.79, 0.2])
    """
    # in a random order, so that the first of equals is a fair draw
    near, far = rng.permutation(len(points))[: max(candidates, 2 * size)], rng.permutation(len(points))[:references]
    race = _Race(points[near], points[far], None if weights is None else weights[far], covered_by, sigma)
    if len(near) * len(far) > PAIRS:
        own = np.ones(len(near), dtype=np.float32) if weights is None else weights[near]
        race.rank(size, _places(far[:RANKED_BY], near), own / np.float32(len(far)))
    race.finish(size)
    return near[race.picks], np.maximum(race.gained, 0)


def width(labelled: Floats | None, rng: np.random.Generator, most: int = 20_000) -> float:
    """The kernel width of Bae et al. (2025, section 4): 1 before there are two labelled rows, then their least distance.

    Args:
        labelled: (L, D) labelled rows, or None; only their direction counts, and copies do not.
        rng: draws the rows compared where there are many.
        most: how many those are.

    >>> round(width(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), np.random.default_rng(0)), 4)
    1.4142
    """
    if labelled is None:
        return 1.0
    rows = unit_rows(labelled[rng.permutation(len(labelled))[:most]])
    least = np.inf
    for some in blocks(len(rows), len(rows)):
        squared = 2 - 2 * (rows[some] @ rows.T)
        least = min(least, float(squared.min(where=squared > COPIES**2, initial=np.inf)))
    return float(np.sqrt(least)) if np.isfinite(least) else 1.0


class _Race:
    """Candidates (M, D) that cover references (R, D), the state of one greedy run."""

    def __init__(
        self, near: Floats, far: Floats, weights: NDArray[np.float32] | None, covered_by: Floats | None, sigma: float
    ) -> None:
        self.near, self.far = unit_rows(near), unit_rows(far)
        share = np.ones(len(far), dtype=np.float32) if weights is None else np.asarray(weights, dtype=np.float32)
        self.weights = share / np.float32(len(far))
        self.scale = 2 / max(sigma, NARROWEST) ** 2
        self.labelled = None if covered_by is None or not len(covered_by) else unit_rows(covered_by)
        self.covered = self._covered(self.far)
        """(R,) the largest kernel with anything that covers."""
        self.picks: list[int] = []
        self.gained: list[float] = []

    def rank(self, size: int, own: Rows, weights: Floats) -> None:
        """Pick by rank and comparison until few enough pairs are left.

        A candidate's gain is estimated from the ranking rows, but what it gains from itself, most of all, is known.

        Args:
            size: how many picks are wanted in all.
            own: which candidate each ranking row is itself, -1 for none.
            weights: (M,) of the candidates.
        """
        few = slice(0, RANKED_BY)
        kernels = self._kernel(self.far[few] @ self.near.T)
        kernels[own >= 0, own[own >= 0]] = 0
        others = np.zeros(len(self.near))
        for some in blocks(len(kernels), len(self.near)):
            others += self.weights[few][some] @ _above(kernels[some], self.covered[few][some])
        scale = len(self.far) / (len(kernels) - np.bincount(own[own >= 0], minlength=len(self.near)))
        covered = self._covered(self.near)
        while len(self.picks) < size and self._left(kernels) > PAIRS:
            estimates = scale * others + weights * (1 - covered)
            estimates[self.picks] = -np.inf
            foremost = np.argpartition(-estimates, COMPARED - 1)[:COMPARED] if len(estimates) > COMPARED else ...
            which = np.arange(len(estimates))[foremost]
            gains = self._gains(which)
            gains[np.isin(which, self.picks)] = -np.inf
            before = self.covered[few].copy()
            pick = int(which[gains.argmax()])
            self._take(pick, float(gains.max()))
            np.maximum(covered, self._kernel(self.near @ self.near[pick]), out=covered)
            changed = np.flatnonzero(self.covered[few] > before)
            for some in blocks(len(changed), len(self.near)):
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
        """exp(-|x - y|^2 / sigma^2) from the cosine of rows of length 1, in place."""
        cosines -= 1
        cosines *= self.scale
        np.minimum(cosines, 0, out=cosines)
        return np.exp(cosines, out=cosines)

    def _covered(self, rows: Floats) -> Floats:
        """(n,) largest kernel of each row with anything labelled."""
        covered = np.zeros(len(rows), dtype=np.float32)
        if self.labelled is not None:
            for some in blocks(len(rows), len(self.labelled)):
                covered[some] = self._kernel((rows[some] @ self.labelled.T).max(axis=1))
        return covered

    def _gains(self, which: Rows) -> Doubles:
        """True gains of some candidates."""
        gains = np.zeros(len(which))
        for some in _stripes(len(self.far), len(which)):
            kernels = self._kernel(self.far[some] @ self.near[which].T)
            gains += self.weights[some] @ _above(kernels, self.covered[some])
        return gains

    def _left(self, kernels: Floats) -> float:
        """About how many pairs can still gain, by the first of the ranking rows."""
        some = kernels[:128]
        least = np.maximum(self.covered[: len(some), None], LEAST)
        return float((some > least).mean()) * len(self.near) * len(self.far)

    def _take(self, pick: int, gain: float) -> None:
        self.picks.append(pick)
        self.gained.append(gain)
        np.maximum(self.covered, self._kernel(self.far @ self.near[pick]), out=self.covered)

    def _pairs(self) -> tuple[_Pairs, Doubles]:
        """The pairs that can still gain, and the (M,) gain of each candidate."""
        least = 1 + np.log(np.maximum(self.covered, LEAST)) / np.float32(self.scale)
        gains, counts = np.zeros(len(self.near)), np.zeros(len(self.far), dtype=np.int64)
        which, kernels = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.float32)]
        for some in _stripes(len(self.far), len(self.near)):
            cosines = self.far[some] @ self.near.T
            left = cosines > least[some, None]
            counts[some] = np.count_nonzero(left, axis=1)
            at = np.flatnonzero(left)
            column = at - np.repeat(np.arange(len(cosines)) * len(self.near), counts[some])
            found = self._kernel(cosines.ravel()[at])
            more = np.maximum(found - np.repeat(self.covered[some], counts[some]), 0)
            gains += np.bincount(column, np.repeat(self.weights[some], counts[some]) * more, minlength=len(gains))
            which.append(column.astype(np.int32))
            kernels.append(found)
        return _Pairs(counts, np.concatenate(which), np.concatenate(kernels)), gains


def _places(rows: Rows, among: Rows) -> Rows:
    """Where each row is among others, -1 for nowhere."""
    order = np.argsort(among)
    at = order[np.minimum(np.searchsorted(among, rows, sorter=order), len(among) - 1)]
    return np.where(among[at] == rows, at, -1)


class _Pairs:
    """Candidates that can still gain, with their kernels, row by row of the references."""

    def __init__(self, counts: Rows, which: NDArray[np.int32], kernels: Floats) -> None:
        self.counts, self.which, self.kernels = counts, which, kernels
        self.starts = np.cumsum(counts) - counts
        self.visited = 0

    def of(self, rows: Rows, covered: Floats) -> tuple[Rows, NDArray[np.int32], Floats]:
        """(P,) reference, candidate and kernel of all pairs of some references."""
        counts = self.counts[rows]
        at = np.repeat(self.starts[rows] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        found = np.repeat(rows, counts), self.which[at], self.kernels[at]
        self.visited += len(at)
        if self.visited > len(self.which):
            self._forget(covered)
        return found

    def _forget(self, covered: Floats) -> None:
        """Drop the pairs that can gain no more; done when as many were visited as there are, so it costs little."""
        kept = self.kernels > np.repeat(covered, self.counts)
        row = np.repeat(np.arange(len(covered), dtype=np.int32), self.counts)[kept]
        self.which, self.kernels = self.which[kept], self.kernels[kept]
        self.counts = np.bincount(row, minlength=len(covered))
        self.starts, self.visited = np.cumsum(self.counts) - self.counts, 0


def _stripes(rows: int, columns: int) -> Iterator[slice]:
    """Blocks of many rows: a product that is both wide and low runs at half speed."""
    step = max(1, STRIPE // max(1, columns))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _above(kernels: Floats, covered: Floats) -> Floats:
    """(n, m) by how much kernels exceed what covers each row (n,) already."""
    more: Floats = kernels - covered[:, None]
    return np.maximum(more, 0, out=more)

"""Strategies against one another over seeds: paired differences, corrected p-values, ranks, the pairwise penalty matrix.

Pure. Scores are "higher is better". Rows that are compared share a seed, and with it the starting set and the answers of
a noisy oracle, so every test here is paired: what the seed does to both falls out of the difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.errors import InvalidArray

ALPHA = 0.05
"""Chance of a false claim that a test here may run."""


@dataclass(frozen=True)
class Paired:
    """A paired difference, first minus second.

    Attributes:
        mean: over the pairs; NaN without one.
        low: lower end of the interval; NaN with fewer than two pairs.
        high: upper end.
        p: two-sided p-value of "no difference"; NaN with fewer than two pairs.
        pairs: how many there were.
    """

    mean: float
    low: float
    high: float
    p: float
    pairs: int


def paired_difference(first: ArrayLike, second: ArrayLike, *, level: float = 1 - ALPHA) -> Paired:
    """Return the mean of `first - second` with the interval and test of Student's t over the pairs.

    Args:
        first: (n,) finite scores.
        second: (n,) finite scores, each of the same seed as its neighbour in `first`.
        level: of the interval, between 0 and 1.

    Raises:
        InvalidArray: unequal lengths, or a score that is not finite.

    Differences that are all alike have no spread to judge by: the interval is a point, and `p` is 1 if they are zero. If
    they are not, it is `2 ** (1 - n)`, that of the test of signs: equal chance would give n equal signs so often. The
    test of t would say 0, and equal differences are common by chance alone where scores lie on a coarse grid, as those
    of a small test set do.

    >>> found = paired_difference([0.8, 0.9, 0.7], [0.7, 0.6, 0.5])      # differences 0.1, 0.3, 0.2
    >>> round(found.mean, 6), round(found.high - found.mean, 4), round(found.p, 4)     # 4.3027 * 0.1 / sqrt(3)
    (0.2, 0.2484, 0.0742)
    """
    ours, theirs = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise InvalidArray(f"pairs need two rows of one length, got {ours.shape} and {theirs.shape}")
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        raise InvalidArray("a paired difference holds NaN or infinity; leave out seeds without a score")
    gaps = ours - theirs
    count = len(gaps)
    mean = float(gaps.mean()) if count else math.nan
    if count < 2:
        return Paired(mean, math.nan, math.nan, math.nan, count)
    from scipy.stats import t

    error = float(gaps.std(ddof=1)) / math.sqrt(count)
    if error <= 1e-12 * max(1.0, float(np.abs(ours).max()), float(np.abs(theirs).max())):  # rounding, not spread
        return Paired(mean, mean, mean, 1.0 if abs(mean) <= 1e-12 else 2.0 ** (1 - count), count)
    half = float(t.ppf(0.5 + level / 2, count - 1)) * error
    return Paired(mean, mean - half, mean + half, float(2 * t.sf(abs(mean) / error, count - 1)), count)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Correct p-values for their number, so that the chance of any false claim stays what one test's is.

    Holm (1979, Scandinavian Journal of Statistics 6:65): the k-th smallest of m is multiplied by m - k + 1, and none may
    fall below the one before it. NaN (no test) is not counted and stays NaN.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()       # 3 * 0.01, 2 * 0.03, max(1 * 0.04, 0.06)
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * values[order]))
    return adjusted


def mean_ranks(scores: ArrayLike) -> NDArray[np.float64]:
    """Return the mean rank of each column over the rows: 1 is a row's highest score, equal scores share their mean.

    Args:
        scores: (n, S), a row a comparison (data set, regime, seed), a column a strategy.

    Returns:
        (S,) ranks between 1 and S; NaN without rows.

    >>> mean_ranks([[0.9, 0.8, 0.8], [0.5, 0.7, 0.6]]).tolist()      # ranks 1, 2.5, 2.5 and 3, 1, 2
    [2.0, 1.75, 2.25]
    """
    table = _finite(scores, 2)
    if not len(table):
        return np.full(table.shape[1], np.nan)
    from scipy.stats import rankdata

    return np.asarray(rankdata(-table, axis=1).mean(axis=0), dtype=np.float64)


def pairwise(scores: ArrayLike) -> tuple[list[tuple[int, int]], list[Paired], NDArray[np.float64]]:
    """Return every pair of columns compared over the rows.

    Args:
        scores: (n, S), a row a seed, a column a strategy.

    Returns:
        The pairs (i, j) with i < j; the difference i minus j of each; their p-values by `holm` over all pairs.
    """
    table = _finite(scores, 2)
    pairs = list(combinations(range(table.shape[1]), 2))
    differences = [paired_difference(table[:, i], table[:, j]) for i, j in pairs]
    return pairs, differences, holm([each.p for each in differences])


def penalty_matrix(scores_pns: ArrayLike, *, alpha: float = ALPHA) -> NDArray[np.float64]:
    """Return the pairwise penalty matrix of a setting: at what share of the points row i beat column j beyond chance.

    Ash et al. (2020, "Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds", section 4), with two
    changes: the t-test is paired, as seeds share starting sets, and at each point the p-values of all pairs are corrected
    by `holm`, so that under pure chance a point holds a false claim with probability `alpha` at most, however many
    strategies are compared, as far as differences are normal; on a coarse grid of scores it holds approximately. A low
    column sum is good: the strategy is seldom beaten.

    Args:
        scores_pns: (P, n, S): points of the curve, seeds, strategies.
        alpha: significance of a win.

    Returns:
        (S, S) in [0, 1] with a diagonal of 0; sums over settings are the usual matrix.

    >>> wins = [[[0.9, 0.5], [0.8, 0.41], [0.9, 0.52]], [[0.5, 0.5], [0.6, 0.7], [0.5, 0.4]]]
    >>> penalty_matrix(wins).tolist()       # the first beats the second at one of the two points
    [[0.0, 0.5], [0.0, 0.0]]
    """
    table = _finite(scores_pns, 3)
    size = table.shape[2]
    matrix = np.zeros((size, size))
    for point in table:
        pairs, differences, corrected = pairwise(point)
        for (i, j), difference, p in zip(pairs, differences, corrected, strict=True):
            if p < alpha:
                matrix[(i, j) if difference.mean > 0 else (j, i)] += 1 / len(table)
    return matrix


def _finite(scores: ArrayLike, axes: int) -> NDArray[np.float64]:
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != axes:
        raise InvalidArray(f"scores need {axes} axes, got shape {table.shape}")
    if not np.isfinite(table).all():
        raise InvalidArray("scores hold NaN or infinity; leave out rows that are not complete")
    return table

"""A batch beside random draws of its size: does it reach more of the pool, with fewer copies, than chance would?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.core.seeds import generator
from poolwise.core.types import Floats, Ids
from poolwise.geometry.kmeans import kmeans
from poolwise.geometry.neighbours import blocks, has_twin, nearest, squared_distances

YARDSTICK = 10_000
"""Random rows that stand for the pool where distances to it are measured."""
CLUSTERED = 100_000
"""Random rows that the clusters of the pool are made of."""
MOST_CLUSTERS = 500
LEVEL = 0.9
"""Of the interval: the middle part of the random draws."""
TITLES = {
    "clusters_reached": "share of clusters reached",
    "near_duplicates": "picks with a near-copy in the batch",
    "mean_distance": "mean distance of the pool to the batch",
    "class_balance": "balance of predicted classes",
}


@dataclass(frozen=True)
class Measure:
    """One property of a batch, beside that of random batches.

    Attributes:
        value: of the batch.
        random: mean over the random batches.
        low: lower end of the interval that holds the middle 90 % of the random batches.
        high: its upper end.
        percentile: share of the random batches that lie below the value, in [0, 1]; equal ones count half.
        better: "higher" or "lower".
    """

    value: float
    random: float
    low: float
    high: float
    percentile: float
    better: str

    @property
    def verdict(self) -> str:
        """Place of the value against the interval: "better", "worse", or "like random"."""
        if self.low <= self.value <= self.high:
            return "like random"
        return "better" if (self.value > self.high) == (self.better == "higher") else "worse"


@dataclass(frozen=True)
class CurationReport:
    """A batch of `size` rows from a pool of `pool` rows, beside `draws` random batches of the same size.

    Attributes:
        measures: by name, each with the batch's value and those of random batches:
            `clusters_reached`: share in [0, 1] of the k-means clusters of the pool that hold a pick; higher is better.
            `near_duplicates`: share in [0, 1] of the picks with another pick at the cosine similarity or above; lower.
            `mean_distance`: mean over the pool of the Euclidean distance to the nearest pick; lower.
            `class_balance`: entropy of the predicted classes of the picks over its largest value, in [0, 1]; higher.
                Only with probabilities.
        clusters: (B,) number of the cluster that each row of the batch, as given, belongs to.
    """

    measures: Mapping[str, Measure]
    size: int
    pool: int
    draws: int
    clusters: NDArray[np.int64] = field(compare=False)

    def table(self) -> list[tuple[str, str, str, str, str]]:
        """Return rows of (measure, batch, random mean, 90 % interval, verdict), as text."""
        return [
            (TITLES[name], f"{m.value:.4g}", f"{m.random:.4g}", f"{m.low:.4g} to {m.high:.4g}", m.verdict)
            for name, m in self.measures.items()
        ]

    def __str__(self) -> str:
        rows = [("", "batch", "random", "90 % of random", ""), *self.table()]
        widths = [max(len(row[at]) for row in rows) for at in range(5)]
        lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([f"{self.size} of {self.pool} rows, beside {self.draws} random draws", *lines])


def curation_report(
    embeddings: Floats,
    chosen: Ids,
    *,
    probs: Floats | None = None,
    draws: int = 20,
    seed: int = 0,
    clusters: int | None = None,
    similarity: float = 0.95,
    pool: Ids | None = None,
) -> CurationReport:
    """Compare a batch with random batches of the same size from the same pool.

    The k-means clusters are made of at most 100,000 random rows, distances are taken from 10,000, the same for all
    batches. Cost: O((1 + draws) B Y D), Y <= 10,000, and k-means. Memory: the rows drawn and some blocks.

    Args:
        embeddings: (N, D).
        chosen: (B,) distinct rows, B >= 1.
        probs: (N, C) probabilities of one class a row, for the balance of predicted classes.
        draws: how many random batches; fewer than 20 make a rough interval.
        seed: same seed, same report.
        clusters: how many k-means clusters; None: the least of B, N / 5 and 500.
        similarity: cosine from which two picks are near-duplicates; a row of zeros is like none.
        pool: (P,) distinct rows, P >= 2 B, drawn by chance alone from the pool without the batch, that stand for it. One
            half is what is measured by, clusters and yardstick; the random batches come from the other, so that they, as
            the batch, hold no row that they are measured by. None: all N rows, for all of it.

    Raises:
        ConfigError: draws below 1, clusters below 1 or above the rows that are measured by, similarity outside (0, 1].
        InvalidArray: `chosen` or `pool` is empty or names rows that are not there, or `pool` is too small or holds picks.
    """
    rng, size = generator(seed, 0, "curation report"), len(chosen)
    _check_rows(len(embeddings), chosen, pool)
    source, measured_by = _halves(np.arange(len(embeddings)) if pool is None else pool, pool is not None, rng)
    _check(len(measured_by), draws, clusters, similarity)
    drawn = [np.sort(source[rng.choice(len(source), size, replace=False, shuffle=False)]) for _ in range(draws)]
    batches = [np.sort(chosen), *drawn]
    yardstick = np.sort(rng.permutation(measured_by)[:YARDSTICK])
    wanted = clusters or max(1, min(size, len(measured_by) // 5, MOST_CLUSTERS))
    cluster, there = _clusters(embeddings, batches, measured_by, wanted, rng)
    measures = {
        "clusters_reached": ("higher", [len(np.unique(cluster[batch])) / there for batch in batches]),
        "near_duplicates": ("lower", [float(has_twin(_rows(embeddings, rows), similarity).mean()) for rows in batches]),
        "mean_distance": ("lower", _mean_distances(embeddings, batches, yardstick)),
    }
    if probs is not None:
        measures["class_balance"] = ("higher", [_balance(probs[rows]) for rows in batches])
    count = len(embeddings if pool is None else pool)
    return CurationReport({k: _beside(*pair) for k, pair in measures.items()}, size, count, draws, cluster[chosen])


def _halves(rows: Ids, cut: bool, rng: np.random.Generator) -> tuple[Ids, Ids]:
    """Return rows to draw batches from and rows to measure by: all of them for both, or half for each."""
    if not cut:
        return rows, rows
    shuffled = rng.permutation(rows)
    return shuffled[: -(-len(rows) // 2)], shuffled[-(-len(rows) // 2) :]


def _check_rows(count: int, chosen: Ids, pool: Ids | None) -> None:
    for name, rows in (("chosen", chosen), ("pool", chosen if pool is None else pool)):
        if not len(rows) or rows.min() < 0 or rows.max() >= count or len(np.unique(rows)) < len(rows):
            raise InvalidArray(f"{name} must be one or more distinct rows from 0 to {count - 1}.")
    if pool is not None and (len(pool) < 2 * len(chosen) or np.isin(chosen, pool).any()):
        raise InvalidArray(
            f"pool must be {2 * len(chosen)} rows or more, twice as many as chosen, and none of those; got {len(pool)}, "
            f"{int(np.isin(chosen, pool).sum())} of them chosen."
        )


def _check(count: int, draws: int, clusters: int | None, similarity: float) -> None:
    if draws < 1:
        raise ConfigError(f"draws must be at least 1; got {draws}.")
    if clusters is not None and not 1 <= clusters <= count:
        raise ConfigError(f"clusters must be from 1 to the {count} rows of the pool; got {clusters}.")
    if not 0 < similarity <= 1:
        raise ConfigError(f"similarity is a cosine in (0, 1]; got {similarity}.")


def _beside(better: str, values: list[float]) -> Measure:
    """Return the first value beside all others."""
    value, random = values[0], np.array(values[1:])
    low, high = np.quantile(random, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    below = float((random < value).mean() + (random == value).mean() / 2)
    return Measure(value, float(random.mean()), float(low), float(high), below, better)


def _clusters(
    embeddings: Floats, batches: list[NDArray[np.int64]], rows: Ids, clusters: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], int]:
    """Return (N,) the cluster of each row that was looked at, -1 for others, and how many clusters hold some of `rows`.

    Clusters are made of `rows` alone; other rows of a batch belong to the nearest cluster, and move no centre.
    """
    some = np.sort(rng.permutation(rows)[:CLUSTERED])
    points = _rows(embeddings, some)
    numbers, members = np.unique(kmeans(points, clusters, rng)[0], return_inverse=True)
    cluster = np.full(len(embeddings), -1, dtype=np.int64)
    cluster[some] = members.reshape(-1)
    others = np.unique(np.concatenate(batches))
    others = others[cluster[others] < 0]
    if len(others):
        cluster[others] = nearest(_rows(embeddings, others), _means(points, cluster[some]))[0]
    return cluster, len(numbers)


def _means(points: Floats, cluster: NDArray[np.int64]) -> Floats:
    """Return (M, D) mean of the rows of each cluster, none of them empty."""
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    sums = np.add.reduceat(points[order], starts, axis=0, dtype=np.float64)
    return np.asarray(sums / np.diff(starts, append=len(order))[:, None], dtype=np.float32)


def _mean_distances(embeddings: Floats, batches: list[NDArray[np.int64]], yardstick: NDArray[np.int64]) -> list[float]:
    """Return the mean distance of the rows of the yardstick to the nearest of each batch; distances to any row are taken once."""
    rows = np.unique(np.concatenate(batches))
    places = [np.searchsorted(rows, batch) for batch in batches]
    points = _rows(embeddings, yardstick)
    origin = points.mean(axis=0, dtype=np.float64).astype(np.float32)
    points, targets = points - origin, _rows(embeddings, rows) - origin
    totals = np.zeros(len(batches))
    for part in blocks(len(points), len(targets)):
        squared = squared_distances(points[part], targets)
        for at, place in enumerate(places):
            gaps = squared[:, place].min(axis=1)
            gaps[np.isin(yardstick[part], batches[at])] = 0  # and not the rounding of a row's distance to itself
            totals[at] += np.sqrt(gaps).sum(dtype=np.float64)
    return [float(total) for total in totals / len(points)]


def _balance(probs: Floats) -> float:
    """Return the entropy of the predicted classes over the largest that so many rows of so many classes can have."""
    counts = np.bincount(probs.argmax(axis=1))
    shares = counts[counts > 0] / len(probs)
    most = np.log(min(probs.shape))
    return float(-(shares * np.log(shares)).sum() / most) if most > 0 else 1.0


def _rows(embeddings: Floats, rows: NDArray[np.int64]) -> Floats:
    return np.asarray(embeddings[rows], dtype=np.float32)

"""Sizes and scores as they come (lists, ragged rows, missing repeats), checked once, then as errors above the best value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poolwise.core.errors import InvalidArray, listed
from poolwise.metric.curve.family import TINY, Values

USUAL = 2
"""The usual scatter counts for so many points."""


@dataclass(frozen=True, eq=False)
class Observed:
    """Errors at rising sizes.

    Attributes:
        sizes: (K,) rising.
        errors: (K,) mean error over the repeats, above the best value.
        noise: (K,) standard error of that mean.
        repeats: (K,) how many there were.
    """

    sizes: Values
    errors: Values
    noise: Values
    repeats: Values

    @property
    def last(self) -> float:
        """The largest size."""
        return float(self.sizes[-1])

    @property
    def repeated(self) -> bool:
        """True where any size has two repeats."""
        return bool(self.repeats.max() > 1)

    @property
    def typical_noise(self) -> float:
        """Median standard error relative to the error."""
        return float(np.median(self.noise / np.maximum(self.errors, TINY)))

    def largest(self, many: int | None) -> Observed:
        """Return only the largest so many sizes; None for all."""
        return self if many is None else self[slice(-many, None)]

    def scattered(self, usual: float) -> Observed:
        """Return these with the scatter of the points around a parabola in ln n and ln error, where nothing was repeated.

        Two to five points tell little of it, so that as many (`USUAL`) are thought to have had the usual one.

        Args:
            usual: scatter of a training, relative to its error.
        """
        if self.repeated:
            return self
        x, y = np.log(self.sizes / self.last), np.log(np.maximum(self.errors, TINY))
        bends = min(2, len(x) - 1)
        left = ((y - np.polyval(np.polyfit(x, y, bends), x)) ** 2).sum()
        scatter = np.sqrt((left + USUAL * usual**2) / (len(x) - 1 - bends + USUAL))
        return Observed(self.sizes, self.errors, scatter * self.errors, self.repeats)

    def __getitem__(self, part: slice) -> Observed:
        return Observed(self.sizes[part], self.errors[part], self.noise[part], self.repeats[part])


def observed(sizes: Values, rows: Sequence[Values]) -> Observed:
    """Return means and standard errors of errors, one row of repeats a size; sizes rise.

    A variance from three repeats is a poor one: it is averaged with one pooled over all sizes, proportional to the error.
    A size with one repeat takes the pooled one; where there are no repeats at all, the noise is 0 here, and how far the points
    lie off the curves has to tell (`Prior.unrepeated`).

    >>> observed(np.array([10.0, 20.0]), [np.array([0.5, 0.3]), np.array([0.2])]).errors.tolist()
    [0.4, 0.2]
    >>> observed(np.array([10.0]), [np.array([0.5, 0.5])]).noise.tolist()
    [0.0]
    """
    means = np.array([row.mean() for row in rows])
    counts = np.array([len(row) for row in rows], dtype=np.float64)
    own = np.array([row.var(ddof=1) if len(row) > 1 else np.nan for row in rows])
    weighed = float(((counts - 1) * means).sum())
    pooled = (float(np.nansum((counts - 1) * own)) / weighed if weighed > 0 else 0.0) * means
    variance = np.where(np.isnan(own), pooled, (own + pooled) / 2)
    return Observed(sizes, means, np.sqrt(variance / counts), counts)


SLACK = 1e-9
"""By how much rounding may push a score beyond the best one, relative to the range."""


@dataclass(frozen=True)
class Scale:
    """Where a metric is best, and where it is worst.

    Attributes:
        best: value of a perfect model.
        higher: whether higher is better.
        worst: the largest error that there can be; infinity for a metric without a bound.
    """

    best: float
    higher: bool
    worst: float

    def errors(self, scores: Values) -> Values:
        """Return the distance from the best value, on the side where scores lie."""
        return np.asarray(self.best - scores if self.higher else scores - self.best)

    def scores(self, errors: Values) -> Values:
        """Return scores from errors, never beyond the best value or the worst.

        >>> Scale(1.0, True, 1.0).scores(np.array([-0.1, 0.25, 2.0])).tolist()
        [1.0, 0.75, 0.0]
        """
        inside = np.clip(errors, 0, self.worst)
        return np.asarray(self.best - inside if self.higher else self.best + inside)

    def error(self, score: float, name: str) -> float:
        """Return one value, such as a target, as an error.

        Raises:
            InvalidArray: it is not a finite number, better than the best value, or worse than the worst.
        """
        value = float(score)
        side = "at most" if self.higher else "at least"
        error = self.best - value if self.higher else value - self.best
        if not np.isfinite(error) or error < -SLACK:
            raise InvalidArray(f"{name} must be a number {side} best={self.best:g}; got {score!r}.")
        if error > self.worst * (1 + SLACK):
            raise InvalidArray(f"{name} is {score!r}, worse than the worst score there can be ({self._worst_score:g}).")
        return max(error, 0.0)

    @property
    def _worst_score(self) -> float:
        return self.best - self.worst if self.higher else self.best + self.worst


def scale_of(scores: Values, *, higher: bool, best: float) -> Scale:
    """Return the scale that scores lie on.

    Where lower is better, the default best=1 is taken for 0, as of an error or a loss. The worst value is 0 where higher is
    better (or the lowest score seen, if below), and 1 for errors that all lie within 0 and 1.

    Raises:
        InvalidArray: `best` is not finite, or scores are better than it.

    >>> scale_of(np.array([0.8]), higher=True, best=1.0)
    Scale(best=1.0, higher=True, worst=1.0)
    >>> scale_of(np.array([0.2]), higher=False, best=1.0)
    Scale(best=0.0, higher=False, worst=1.0)
    """
    if not np.isfinite(best):
        raise InvalidArray(f"best must be the score of a perfect model, a finite number; got {best!r}.")
    top = 0.0 if not higher and best == 1.0 else float(best)
    low, high = float(scores.min()), float(scores.max())
    slack = SLACK * max(abs(top), high - low)
    beyond = scores[scores > top + slack] if higher else scores[scores < top - slack]
    if beyond.size:
        hint = "; for percent say best=100" if higher and top == 1.0 and high <= 100 else ""
        raise InvalidArray(f"scores must not be better than best={top:g}; got {listed(np.unique(beyond))}{hint}.")
    if higher:
        return Scale(top, True, top - min(0.0, low))
    return Scale(top, False, 1.0 if top == 0 and high <= 1 else np.inf)


@dataclass(frozen=True, eq=False)
class Measurements:
    """Checked measurements.

    Attributes:
        sizes: (K,) rising.
        rows: K arrays of repeats, one or more each.
        notes: sentences on what was left out.
    """

    sizes: Values
    rows: tuple[Values, ...]
    notes: tuple[str, ...]


def measurements(sizes: Any, scores: Sequence[Any]) -> Measurements:
    """Sort rows by rising size; those of one size are joined, NaN and None are left out and noted.

    Args:
        sizes: (K,) numbers of labels, above 0.
        scores: K rows of repeats, of any lengths; or K numbers.

    Raises:
        InvalidArray: not as many rows as sizes, sizes that are no positive numbers, infinity, or nothing measured.

    >>> measurements([20, 10], [0.5, [0.25, None]]).sizes.tolist()
    [10.0, 20.0]
    """
    counts = _numbers(sizes, "sizes")
    rows = [np.atleast_1d(_numbers(row, "scores")) for row in scores]
    if counts.ndim != 1 or len(rows) != len(counts):
        raise InvalidArray(f"a row of scores is wanted for each of {counts.size} sizes; got {len(rows)} rows.")
    if not (np.isfinite(counts) & (counts > 0)).all():
        bad = counts[~(np.isfinite(counts) & (counts > 0))]
        raise InvalidArray(f"sizes must be numbers of labels, above 0; got {listed(bad.tolist())}.")
    if any(row.ndim != 1 or np.isinf(row).any() for row in rows):
        raise InvalidArray("each row of scores must be a list of finite numbers, NaN for a missing repeat.")
    joined = {size: np.concatenate([rows[at] for at in np.flatnonzero(counts == size)]) for size in np.unique(counts)}
    return _kept(joined)


def _numbers(values: Any, name: str) -> Values:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArray(f"{name} must be numbers, ragged only from row to row; {error}.") from error


def _kept(joined: dict[float, Values]) -> Measurements:
    known = {size: row[~np.isnan(row)] for size, row in joined.items()}
    missing = sum(len(joined[size]) - len(known[size]) for size in joined)
    empty = [f"{size:g}" for size, row in known.items() if not len(row)]
    notes = [f"{missing} missing repeats (NaN) are left out."] if missing else []
    if empty:
        notes.append(f"Nothing was measured at size {listed(empty)}; left out.")
    full = {size: np.sort(row) for size, row in known.items() if len(row)}
    if not full:
        raise InvalidArray("there is no score to fit: every repeat is missing. Measure three sizes or more.")
    return Measurements(np.array(list(full)), tuple(full.values()), tuple(notes))

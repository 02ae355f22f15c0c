"""What was measured, as errors above the best value: sizes, means, standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
        """Whether any size has two repeats."""
        return bool(self.repeats.max() > 1)

    @property
    def typical_noise(self) -> float:
        """Median standard error relative to the error."""
        return float(np.median(self.noise / np.maximum(self.errors, TINY)))

    def largest(self, many: int | None) -> Observed:
        """Only the largest so many sizes; None for all."""
        return self if many is None else self[slice(-many, None)]

    def scattered(self, usual: float) -> Observed:
        """Where nothing was repeated, with the scatter that the points have around a parabola in ln n and ln error.

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
    """Means and standard errors of errors, one row of repeats a size; sizes rise.

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

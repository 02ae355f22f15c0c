"""A fitted learning curve: what a score will be, how many labels a target needs, and how far that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.metric.curve.advice import Purchase, purchase
from poolwise.metric.curve.answer import answer
from poolwise.metric.curve.doubts import doubts, few_sizes
from poolwise.metric.curve.families import Last1
from poolwise.metric.curve.measurements import Measurements, Observed, Scale, observed
from poolwise.metric.curve.posterior import Posterior, Prior, quantiles, weigh
from poolwise.metric.curve.required import Reach, Required
from poolwise.metric.curve.simple import between

FEWEST = 3
"""Sizes that an extrapolation needs."""
WIDER = 2.0
"""By how much more a curve is trusted to stray that falls or breaks within the points."""
UNREPEATED = 1.5
"""Likewise of one whose scatter is guessed; chosen on measured curves (docs/sample_size.md, Figures)."""


class Prediction(NamedTuple):
    """A score at some size: numbers for one size, arrays (m,) for several.

    Attributes:
        mean: expected score, the mean over trainings.
        low, high: interval that holds that mean with the probability asked for.
    """

    mean: Any
    low: Any
    high: Any


@dataclass(frozen=True, eq=False)
class CurveFit:
    """Measurements, and every curve that explains them.

    Attributes:
        seen: sizes (K,), mean errors, standard errors and repeats.
        scale: from errors to scores.
        prior: families of curves and what is held likely of them.
        warnings: sentences on what makes this fit doubtful; empty where nothing does.
    """

    seen: Observed
    scale: Scale
    prior: Prior
    warnings: tuple[str, ...] = field(default=())

    @property
    def belief(self) -> Prior:
        """The prior under its earlier name."""
        return self.prior

    @property
    def sizes(self) -> NDArray[np.float64]:
        """(K,) sizes measured, rising."""
        return self.seen.sizes

    @property
    def scores(self) -> NDArray[np.float64]:
        """(K,) mean score at each."""
        return self.scale.scores(self.seen.errors)

    @property
    def extrapolates(self) -> bool:
        """True where there are sizes enough to say anything beyond them."""
        return len(self.sizes) >= FEWEST

    @cached_property
    def posterior(self) -> Posterior:
        """The curves, weighed.

        Raises:
            InvalidArray: one or two sizes.
        """
        if not self.extrapolates:
            raise InvalidArray(
                f"{few_sizes(len(self.sizes))} cannot be extrapolated: any curve goes through them. Measure {FEWEST} or "
                f"more, five at best, over a tenfold span; predict({self.seen.last:g}) tells the score there."
            )
        return weigh(self.seen, self.prior)

    def predict(self, n: ArrayLike, level: float = 0.8) -> Prediction:
        """Return the expected score at sizes n, with an interval.

        Args:
            n: size, or sizes of any shape, above 0.
            level: probability of the interval, in (0, 1).

        Returns:
            (mean, low, high), numbers for one size; never beyond `best`.

        Raises:
            InvalidArray: a size that is no positive number; or one outside those measured, where there are only one or two.
            ConfigError: level outside (0, 1).
        """
        if not 0 < level < 1:
            raise ConfigError(f"level must be in (0, 1), such as 0.8; got {level!r}.")
        sizes = _sizes(n)
        flat = sizes.ravel()
        tails = ((1 - level) / 2, (1 + level) / 2)
        inside = bool(len(flat)) and flat.min() >= self.sizes[0] and flat.max() <= self.seen.last
        if inside and not self.extrapolates:
            mean, (low, high) = between(self.seen, flat, tails)
        else:
            mean, (low, high) = self.posterior.mean(flat), self.posterior.quantiles(flat, tails)
        return self._prediction(sizes.shape, mean, low, high)

    def gain(self, more: ArrayLike, level: float = 0.8) -> Prediction:
        """Return what `more` labels beyond the largest size are expected to bring: the change for the better.

        Raises:
            InvalidArray: one or two sizes, or a number below 0.
        """
        extra = _sizes(more, 0)
        now = np.array([self.seen.last])
        n = now + extra.ravel()
        (mean, own), (start, width) = self.posterior.curves_at(n), self.posterior.curves_at(now)
        # both ends of one curve hang on one amplitude: their spreads are subtracted
        strayed = self.posterior.strayed(n) * (self.posterior.weight @ mean)
        tails = ((1 - level) / 2, (1 + level) / 2)
        low, high = quantiles(self.posterior.weight, start - mean, np.hypot(width - own, strayed), tails)
        parts = (self.posterior.weight @ (start - mean), np.maximum(low, 0), high)
        return Prediction(*(_shaped(part, extra.shape) for part in parts))

    def required(self, target: float) -> Required:
        """Return sizes at which the target is reached with probability .1, .5 and .9.

        Infinity where that is beyond 64 times the largest size measured; the smallest size measured where it is reached there.

        Raises:
            InvalidArray: a target better than `best`, or one or two sizes.
        """
        return self._reach(target).required

    def reachable(self, target: float) -> float:
        """Return the probability that the target can be reached with any number of labels."""
        return self._reach(target).ever

    def chance(self, n: ArrayLike, target: float) -> Any:
        """Return the probability that the target is reached with n labels; a number, or an array like n."""
        sizes = _sizes(n)
        flat = sizes.ravel()
        order = np.argsort(flat)
        chances = np.empty(len(flat))
        chances[order] = self._reach(target).at(flat[order])
        return _shaped(chances, sizes.shape)

    def answer(self, target: float, *, metric: str = "", unit: str = "images") -> str:
        """Say in one sentence how many labels the target needs, or that it is out of reach.

        Args:
            target: score to reach.
            metric: what the score is called; "accuracy" or "error" without.
            unit: what is labelled.
        """
        name = metric or ("accuracy" if self.scale.higher else "error")
        return answer(self._reach(target), f"{self._number(target)} {name}", unit)

    def next_purchase(self, target: float, *, most: float = 4.0) -> Purchase:
        """Return how many to label next, so that the target comes near and the answer becomes sharp.

        Args:
            target: score to reach.
            most: the largest round, as a multiple of the largest size measured.
        """
        return purchase(self._reach(target), most)

    def shares(self) -> dict[str, float]:
        """Return family -> how much of the evidence it has."""
        return self.posterior.shares()

    def _number(self, target: float) -> str:
        return f"{100 * target:.4g} %" if self.scale.worst == 1.0 else f"{target:.4g}"

    def _reach(self, target: float) -> Reach:
        return Reach(self.posterior, self.scale.error(target, "target"))

    def _prediction(self, shape: tuple[int, ...], mean: Any, low: Any, high: Any) -> Prediction:
        ends = (low, high) if not self.scale.higher else (high, low)
        return Prediction(*(_shaped(self.scale.scores(part), shape) for part in (mean, *ends)))


def fit_curve(measured: Measurements, scale: Scale, prior: Prior, chance: float | None = None) -> CurveFit:
    """Fit what was measured.

    Args:
        measured: checked sizes and scores.
        scale: what the scores mean.
        prior: families to average.
        chance: score of guessing, for warnings; None if not known.
    """
    seen = observed(measured.sizes, [scale.errors(row) for row in measured.rows])
    guess = None if chance is None else scale.error(chance, "chance")
    doubted = doubts(seen, measured.rows, prior, guess)
    if doubted.strays or not seen.repeated:
        members = {"last1": Last1()} if doubted.fallen else prior.members
        prior = replace(prior, drift=(WIDER if doubted.strays else UNREPEATED) * prior.drift, members=members)
    return CurveFit(seen, scale, prior, measured.notes + doubted.sentences)


def _sizes(n: ArrayLike, least: float = np.finfo(float).tiny) -> NDArray[np.float64]:
    sizes = np.asarray(n, dtype=np.float64)
    if not (np.isfinite(sizes) & (sizes >= least)).all():
        raise InvalidArray(f"numbers of labels must be finite and above 0; got {n!r}.")
    return sizes


def _shaped(values: NDArray[np.float64], shape: tuple[int, ...]) -> Any:
    return values.reshape(shape) if shape else float(values[0])

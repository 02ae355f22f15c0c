"""Weigh each curve of a grid, from a prior on, by how well it explains what was measured: families, shapes, asymptotes.

The amplitude of each curve is integrated out exactly, so that nothing is optimised and nothing can diverge; from three
sizes on there is an answer, and it is as wide as the curves that remain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from annotated_types import MinLen
from scipy.special import log_ndtr, logsumexp, ndtr

from poolwise.core.ranges import Checked, Count, NonNegative, Positive
from poolwise.metric.curve.families import Mmf4, Pow3
from poolwise.metric.curve.family import TINY, Family, Values, grid
from poolwise.metric.curve.measurements import Observed


def both() -> dict[str, Any]:
    """Return the two families that hold far out."""
    return {"pow3": Pow3(), "mmf4": Mmf4()}


@dataclass(frozen=True)
class Prior(Checked):
    """Families, averaged by how well they explain the data, and how far each is to be trusted.

    Attributes:
        members: name -> family, equally likely beforehand.
        asymptotes: points of their grid, between 0 and the smallest error seen.
        lean: density of the asymptote a is a^-lean: the higher, the more low ones are believed in.
        misfits: errors of the families themselves at the largest size, relative to the error there; each is tried.
        unrepeated: scatter of one training relative to its error, where no size was repeated; each is tried.
        ageing: by how much more a point is misfitted for each e-fold of n that it lies below the largest size.
        together: misfits of two sizes go together as exp(-e-folds between them / together): more sizes in one span are less
            new than they seem.
        drift: relative error of an extrapolation for each e-fold of n beyond the largest size.
    """

    members: Annotated[dict[str, Annotated[Any, Family]], MinLen(1)] = field(default_factory=both)
    asymptotes: Count = 24
    lean: float = 0.65
    misfits: Annotated[tuple[Positive, ...], MinLen(1)] = (0.01, 0.03, 0.06)
    unrepeated: Annotated[tuple[Positive, ...], MinLen(1)] = (0.02, 0.06, 0.12, 0.2)
    ageing: NonNegative = 1.0
    together: Positive = 1.0
    drift: NonNegative = 0.07

    @property
    def usual(self) -> float:
        """Scatter that a training is thought to have where nothing tells: the geometric mean of those tried."""
        return float(np.exp(np.log(self.unrepeated).mean()))


HALVINGS = 30
ATOMS = 256
"""Components are merged into so many, neighbours together: quantiles move by less than a thousandth of the width."""


def below(weight: Values, mean: Values, spread: Values, value: Values) -> Values:
    """Return (m,) probability that column m of the mixture is at most value (m,).

    Args:
        weight: (G,) or (G, m); columns sum to 1.
        mean: (G, m) of the components.
        spread: (G, m) their standard deviations.
        value: (m,).

    >>> below(np.array([0.5, 0.5]), np.array([[0.0], [10.0]]), np.array([[1.0], [1.0]]), np.array([5.0])).round(6).tolist()
    [0.5]
    """
    columns = weight[:, None] if weight.ndim == 1 else weight
    return np.asarray((columns * ndtr((value - mean) / np.maximum(spread, TINY))).sum(axis=0))


def quantiles(weight: Values, mean: Values, spread: Values, at: tuple[float, ...]) -> Values:
    """Return (len(at), m) quantiles of each column, by bisection.

    Args:
        weight: (G,) sums to 1.
        mean: (G, m) of the components.
        spread: (G, m) their standard deviations.
        at: probabilities in (0, 1).

    >>> quantiles(np.array([1.0]), np.array([[3.0]]), np.array([[1.0]]), (0.5, 0.8413447)).round(5).tolist()
    [[3.0], [4.0]]
    """
    if not mean.shape[1]:
        return np.empty((len(at), 0))
    columns = [merged(weight, mean[:, m], spread[:, m]) for m in range(mean.shape[1])]
    share, centre, width = (np.stack(part, axis=1) for part in zip(*columns, strict=True))
    return np.stack([_quantile(share, centre, width, probability) for probability in at])


def _quantile(weight: Values, mean: Values, spread: Values, at: float) -> Values:
    low, high = (mean - 9 * spread).min(axis=0), (mean + 9 * spread).max(axis=0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        under = below(weight, mean, spread, middle) < at
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray((low + high) / 2)


def merged(weight: Values, mean: Values, spread: Values) -> tuple[Values, Values, Values]:
    """Merge one column into ATOMS components: neighbours of about equal joint weight, with their mean and variance.

    >>> weight, mean, spread = merged(np.full(1000, 0.001), np.arange(1000.0), np.ones(1000))
    >>> len(weight), round(float(weight @ mean), 6)
    (256, 499.5)
    """
    order = np.argsort(mean, kind="stable")
    w, m, s = weight[order], mean[order], spread[order]
    bins = np.minimum((np.cumsum(w) - w / 2) * ATOMS, ATOMS - 1).astype(int)
    share = np.bincount(bins, w, ATOMS)
    safe = np.maximum(share, TINY**2)
    centre = np.bincount(bins, w * m, ATOMS) / safe
    square = np.bincount(bins, w * (s**2 + (m - centre[bins]) ** 2), ATOMS) / safe
    centre[share == 0] = m[0]
    return np.asarray(share), np.asarray(centre), np.sqrt(square)


@dataclass(frozen=True, eq=False)
class Curves:
    """The curves of one family that survived.

    Attributes:
        family: whose.
        shapes: (G, axes).
        asymptote, amplitude, spread: (G,) a, mean of b, standard deviation of b; b belongs to f / f(first size).
        log_weight: (G,) evidence.
    """

    family: Family
    shapes: Values
    asymptote: Values
    amplitude: Values
    spread: Values
    log_weight: Values

    def at(self, n: Values, first: float, last: float) -> tuple[Values, Values]:
        """Return (G, m) mean and standard deviation of e(n) under each curve."""
        at_first = self.family.form(np.array([first / last]), self.shapes, last)
        f = self.family.form(n / last, self.shapes, last) / at_first
        return self.asymptote[:, None] + self.amplitude[:, None] * f, self.spread[:, None] * f


@dataclass(frozen=True, eq=False)
class Posterior:
    """All curves that survived, as one mixture.

    Attributes:
        curves: by family.
        first, last: smallest and largest size measured.
        drift: relative error of an extrapolation for each e-fold of n outside the sizes measured.
        noise: relative standard error of a mean as those measured are.
    """

    curves: tuple[Curves, ...]
    first: float
    last: float
    drift: float
    noise: float = 0.0

    @cached_property
    def weight(self) -> Values:
        """(G,) sums to 1."""
        weight = np.exp(np.concatenate([curves.log_weight for curves in self.curves]))
        return np.asarray(weight / weight.sum())

    @cached_property
    def limits(self) -> tuple[Values, Values]:
        """(G,) mean and standard deviation of the error that each curve levels off at."""
        ends = [
            (each.asymptote + each.family.level * each.amplitude, each.family.level * each.spread)
            for each in self.curves
        ]
        return np.concatenate([mean for mean, _ in ends]), np.concatenate([spread for _, spread in ends])

    @property
    def rises(self) -> bool:
        """True where any curve expects something of more labels: the last point repeated does not."""
        return any(each.family.level < 1 for each in self.curves)

    def curves_at(self, n: Values) -> tuple[Values, Values]:
        """Return (G, m) mean and standard deviation of e(n) under each curve."""
        parts = [curves.at(n, self.first, self.last) for curves in self.curves]
        mean, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
        return mean, spread

    def at(self, n: Values) -> tuple[Values, Values]:
        """Return the same, model error included."""
        mean, spread = self.curves_at(n)
        return mean, np.hypot(spread, self.strayed(n) * (self.weight @ mean))

    def strayed(self, n: Values) -> Values:
        """Return (m,) relative model error at n: none inside the sizes measured."""
        outside = np.log(np.maximum(n / self.last, 1)) + np.log(np.maximum(self.first / n, 1))
        return np.asarray(self.drift * outside)

    def mean(self, n: Values) -> Values:
        """Return (m,) expected error."""
        return np.asarray(self.weight @ self.curves_at(n)[0])

    def quantiles(self, n: Values, at: tuple[float, ...]) -> Values:
        """Return (len(at), m) quantiles of the error."""
        return quantiles(self.weight, *self.at(n), at)

    def shares(self) -> dict[str, float]:
        """Return class of a family -> how much of the weight it has."""
        sizes = np.cumsum([0, *(len(curves.asymptote) for curves in self.curves)])
        sums = [float(part.sum()) for part in np.split(self.weight, sizes[1:-1])]
        return {type(curves.family).__name__: share for curves, share in zip(self.curves, sums, strict=True)}


def weigh(seen: Observed, prior: Prior) -> Posterior:
    """Return the curves of each family with their evidence, families equally likely beforehand."""
    all_curves = [_curves(family, seen, prior) for family in prior.members.values()]
    top = max(curves.log_weight.max() for curves in all_curves)
    kept = [_kept(curves, top) for curves in all_curves if curves.log_weight.max() > top + np.log(CUT)]
    return Posterior(tuple(kept), float(seen.sizes[0]), seen.last, prior.drift, seen.typical_noise)


RIDGE = 0.05
"""Part of the misfit that is a size's own, relative to the rest."""
CUT = 1e-5
"""Curves with less than this share of the best one's evidence are dropped."""


def _kept(curves: Curves, top: float) -> Curves:
    keep = curves.log_weight > top + np.log(CUT)
    fields = (curves.shapes, curves.asymptote, curves.amplitude, curves.spread, curves.log_weight - top)
    return Curves(curves.family, *(field[keep] for field in fields))


def _curves(family: Family, seen: Observed, prior: Prior) -> Curves:
    used = seen.largest(family.uses)
    tried = grid(family.axes(used.sizes[0] / used.last))
    f = family.form(used.sizes / used.last, tried.shapes, used.last)
    f = f / f[:, :1]
    a, log_a = _asymptotes(used, prior) if family.asymptote else (np.zeros(1), np.zeros(1))
    scatters = (0.0,) if seen.repeated else prior.unrepeated
    whites = [_whitening(used, prior, misfit, scatter) for misfit in prior.misfits for scatter in scatters]
    parts = [_evidence(f, a, white, used.errors) for white in whites]
    evidence, amplitude, spread = _joined(*(np.stack(part) for part in zip(*parts, strict=True)))
    evidence = evidence + log_a + tried.log_prior[:, None]
    which = np.repeat(np.arange(len(f)), len(a))
    fields = (np.tile(a, len(f)), amplitude.ravel(), spread.ravel(), evidence.ravel())
    return Curves(family, tried.shapes[which], *fields)


def _joined(evidence: Values, amplitude: Values, spread: Values) -> tuple[Values, Values, Values]:
    """Return one curve for each shape and asymptote, over all misfits (R, S, A): mean and variance of b are kept."""
    total = np.asarray(logsumexp(evidence, axis=0))
    share = np.exp(evidence - total)
    mean = (share * amplitude).sum(axis=0)
    variance = (share * (spread**2 + (amplitude - mean) ** 2)).sum(axis=0)
    return total, mean, np.sqrt(variance)


def _asymptotes(seen: Observed, prior: Prior) -> tuple[Values, Values]:
    seen = seen.scattered(prior.usual)  # a lucky training may lie below the asymptote
    highest = max(float((seen.errors + 2 * seen.noise).min()), TINY)
    a = (np.arange(prior.asymptotes) + 0.5) / prior.asymptotes * highest
    weights = a**-prior.lean
    return a, np.log(weights / weights.sum())


def _whitening(seen: Observed, prior: Prior, misfit: float, scatter: float) -> Values:
    """Return (K, K) W with W'W the inverse covariance of what was measured around a curve: noise and misfit."""
    x = np.log(seen.sizes / seen.last)
    scale = misfit * np.maximum(seen.errors, TINY) * (1 - prior.ageing * x)
    alike = np.exp(-np.abs(x[:, None] - x[None, :]) / prior.together)
    noise = np.hypot(seen.noise, scatter * seen.errors)
    # the ridge keeps many sizes close together from being one and the same
    covariance = np.outer(scale, scale) * alike + np.diag(noise**2 + (RIDGE * scale) ** 2 + TINY**2)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))


def _evidence(f: Values, a: Values, white: Values, errors: Values) -> tuple[Values, Values, Values]:
    """Return (S, A) log evidence and mean of b, and (S, 1) its standard deviation; b > 0, uniform."""
    g = f @ white.T
    r = (errors - a[:, None]) @ white.T
    gg, gr, rr = (g * g).sum(axis=1)[:, None], g @ r.T, (r * r).sum(axis=1)[None, :]
    spread = 1 / np.sqrt(gg)
    best = gr / gg
    side = log_ndtr(best / spread)
    evidence = 0.5 * (gr * best - rr) + np.log(spread) + side + np.log(np.diag(white)).sum()
    # mean of a normal cut off at 0
    mean = best + spread * np.exp(-0.5 * (best / spread) ** 2 - side) / np.sqrt(2 * np.pi)
    return evidence, mean, spread

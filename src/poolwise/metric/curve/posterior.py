"""Weigh every curve of a grid by how well it explains what was measured: families, shapes, asymptotes, model error.

The amplitude of each curve is integrated out exactly, so that nothing is optimised and nothing can diverge; from three
sizes on there is an answer, and it is as wide as the curves that remain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import log_ndtr, logsumexp

from poolwise.metric.curve.family import TINY, Family, Values, grid
from poolwise.metric.curve.mixture import quantiles
from poolwise.metric.curve.observed import Observed
from poolwise.metric.curve.prior import Prior


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
        """(G, m) mean and standard deviation of e(n) under each curve."""
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
        """Whether any curve expects something of more labels: the last point repeated does not."""
        return any(each.family.level < 1 for each in self.curves)

    def curves_at(self, n: Values) -> tuple[Values, Values]:
        """(G, m) mean and standard deviation of e(n) under each curve."""
        parts = [curves.at(n, self.first, self.last) for curves in self.curves]
        mean, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
        return mean, spread

    def at(self, n: Values) -> tuple[Values, Values]:
        """The same, model error included."""
        mean, spread = self.curves_at(n)
        return mean, np.hypot(spread, self.strayed(n) * (self.weight @ mean))

    def strayed(self, n: Values) -> Values:
        """(m,) relative model error at n: none inside the sizes measured."""
        outside = np.log(np.maximum(n / self.last, 1)) + np.log(np.maximum(self.first / n, 1))
        return np.asarray(self.drift * outside)

    def mean(self, n: Values) -> Values:
        """(m,) expected error."""
        return np.asarray(self.weight @ self.curves_at(n)[0])

    def quantiles(self, n: Values, at: tuple[float, ...]) -> Values:
        """(len(at), m) quantiles of the error."""
        return quantiles(self.weight, *self.at(n), at)

    def shares(self) -> dict[str, float]:
        """Class of a family -> how much of the weight it has."""
        sizes = np.cumsum([0, *(len(curves.asymptote) for curves in self.curves)])
        sums = [float(part.sum()) for part in np.split(self.weight, sizes[1:-1])]
        return {type(curves.family).__name__: share for curves, share in zip(self.curves, sums, strict=True)}


def weigh(seen: Observed, prior: Prior) -> Posterior:
    """The curves of each family with their evidence, families equally likely beforehand."""
    found = [_curves(family, seen, prior) for family in prior.members.values()]
    top = max(curves.log_weight.max() for curves in found)
    kept = [_kept(curves, top) for curves in found if curves.log_weight.max() > top + np.log(CUT)]
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
    """One curve for each shape and asymptote, over all misfits (R, S, A): mean and variance of the amplitude are kept."""
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
    """(K, K) W with W'W the inverse covariance of what was measured around a curve: noise, and misfit of the family."""
    x = np.log(seen.sizes / seen.last)
    scale = misfit * np.maximum(seen.errors, TINY) * (1 - prior.ageing * x)
    alike = np.exp(-np.abs(x[:, None] - x[None, :]) / prior.together)
    noise = np.hypot(seen.noise, scatter * seen.errors)
    # the ridge keeps many sizes close together from being one and the same
    covariance = np.outer(scale, scale) * alike + np.diag(noise**2 + (RIDGE * scale) ** 2 + TINY**2)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))


def _evidence(f: Values, a: Values, white: Values, errors: Values) -> tuple[Values, Values, Values]:
    """(S, A) log evidence and mean of b, and (S, 1) its standard deviation; b > 0, uniform."""
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

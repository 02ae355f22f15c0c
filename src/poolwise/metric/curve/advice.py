"""Advice on the next purchase of labels: enough to come near the target, or to know whether it can be had; seldom too many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolwise.core.errors import ConfigError
from poolwise.metric.curve.answer import UNLIKELY, percent, rounded
from poolwise.metric.curve.family import Values
from poolwise.metric.curve.required import HORIZON, Reach

SEEN_BEFORE = 0.25
"""The next purchase ends where the target is reached with this probability: then fit again (Mahmood et al. 2022)."""
SHARPER = 0.5
"""An answer is sharp when the spread of the forecast at the size in question is halved."""
STEPS = 8
"""Sizes tried for each doubling."""


@dataclass(frozen=True)
class Purchase:
    """Labels to buy next.

    Attributes:
        more: how many labels, beyond the largest size measured; 0 where there is no point.
        chance: that the target is reached with them.
        for_half, for_most: how many for a chance of 50 and 90 %; infinity where that is not within reach.
        for_sharpness: how many halve the spread of the forecast for the size that the target needs; infinity if none does.
        reason: the same as a sentence.
    """

    more: float
    chance: float
    for_half: float
    for_most: float
    for_sharpness: float
    reason: str


def purchase(reach: Reach, most: float = 4.0) -> Purchase:
    """Plan the next purchase: to the size with a chance of 25 %, at most `most` times what is there, then fit again.

    Raises:
        ConfigError: `most` does not exceed 1.
    """
    if not most > 1:
        raise ConfigError(f"the largest round must be more than 1 times the largest size measured; got {most!r}.")
    last = reach.posterior.last
    _, half, sure = (max(0.0, size - last) for size in reach.required)
    now = float(reach.at(np.array([last]))[0])
    sharp = sharpening(reach) - last
    if now >= UNLIKELY:
        return Purchase(0.0, now, half, sure, sharp, "None: the target is reached already.")
    if not reach.posterior.rises:
        return Purchase(
            0.0, now, half, sure, sharp, "None: on this curve more labels are not expected to bring anything."
        )
    if reach.ever <= 1 - UNLIKELY:
        reason = f"None for this target: it is unlikely at any size ({percent(1 - reach.ever)})."
        return Purchase(0.0, now, half, sure, sharp, reason)
    # where a quarter of the chance is there already, the even one is aimed at
    wanted = reach.size(SEEN_BEFORE) if now < SEEN_BEFORE else reach.size(0.5) if now < 0.5 else reach.size(UNLIKELY)
    end = min(max(wanted, last * 2 ** (1 / STEPS)), last * most)
    chance = float(reach.at(np.array([end]))[0])
    return Purchase(end - last, chance, half, sure, sharp, _reason(end - last, chance, sharp))


def _reason(more: float, chance: float, sharp: float) -> str:
    """Say what to buy and what for: to reach the target, or, far from it, to see where the curve goes."""
    if round(chance, 2) >= SEEN_BEFORE:
        return f"Label about {rounded(more)} more, then fit again: the chance to reach the target is {percent(chance)}."
    halved = f" ({rounded(sharp)} would halve the doubt)" if np.isfinite(sharp) else ""
    return (
        f"Label about {rounded(more)} more to see where the curve goes{halved}, then fit again: the chance to reach the target "
        f"with them is {percent(chance)}."
    )


def sharpening(reach: Reach) -> float:
    """Return the smallest size whose measurement is to halve the spread of the forecast where the target may lie.

    Where curves agree in their error at size m, they agree at N as far as both errors go together over the mixture: what
    is left of the variance at N is var(N) - cov(m, N)^2 / (var(m) + noise^2), and model error counts from m on only.
    """
    posterior = reach.posterior
    wanted = reach.size(0.5)
    far = min(wanted, HORIZON * posterior.last)
    tried = np.geomspace(posterior.last, far, max(2, int(np.ceil(np.log2(max(far / posterior.last, 1.01)) * STEPS))))
    left = remaining(reach, tried, far)
    enough = np.flatnonzero(left <= SHARPER * left[0])
    return float(tried[enough[0]]) if far > posterior.last and len(enough) else float("inf")


def remaining(reach: Reach, tried: Values, far: float) -> Values:
    """Return (m,) standard deviation of the error at size `far` that is expected after measuring at each size tried."""
    posterior = reach.posterior
    mean, spread = posterior.curves_at(np.append(tried, far))
    centred = mean - posterior.weight @ mean
    covariance = posterior.weight @ (centred * centred[:, -1:] + spread * spread[:, -1:])
    variance = posterior.weight @ (centred**2 + spread**2)
    level = float(posterior.weight @ mean[:, -1])
    known = covariance[:-1] ** 2 / (variance[:-1] + (posterior.noise * (posterior.weight @ mean[:, :-1])) ** 2)
    known[0] = 0.0  # the largest size is measured already
    model = posterior.drift * np.log(far / tried) * level
    return np.asarray(np.sqrt(np.maximum(variance[-1] - known, 0) + model**2))

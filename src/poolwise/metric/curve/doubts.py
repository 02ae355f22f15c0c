"""Doubts about a fit, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from poolwise.metric.curve.family import Values
from poolwise.metric.curve.measurements import Observed
from poolwise.metric.curve.posterior import Prior, below, both, weigh

SPAN = 9.5
"""The largest size should be ten times the smallest one, nearly."""
ENOUGH = 5
CLEARLY = 2.0
"""Standard errors."""
ROUNDING = 0.01
"""Differences below this share of the error are no fall."""
SURPRISE = 0.005
"""A break: the last score has less than this probability on its side, given the curve without it."""


class Doubts(NamedTuple):
    """Doubts about one fit.

    Attributes:
        sentences: the gravest first; none for a fit without reproach.
        fallen: whether the last two scores are clearly worse than an earlier one, so that no family can be fitted.
        strays: whether the points do what no family does, fall or break, so that the interval must be wider.
    """

    sentences: tuple[str, ...]
    fallen: bool
    strays: bool


def doubts(seen: Observed, rows: Sequence[Values], prior: Prior, chance: float | None) -> Doubts:
    """Look for all that makes a fit doubtful.

    Args:
        seen: errors at rising sizes.
        rows: their repeats.
        prior: with which they are fitted.
        chance: error of guessing, if known.
    """
    scattered = seen.scattered(prior.usual)
    falling = tuple(_falling(scattered))
    breaks = tuple(_break(seen, scattered.noise[-1], prior))
    flat = () if falling else tuple(_flat(seen))
    sentences = (*_below_chance(seen, chance), *falling, *breaks, *flat, *_perfect(seen), *_design(seen, rows))
    return Doubts(sentences, fallen(scattered), bool(falling or breaks))


def _break(seen: Observed, noise: float, prior: Prior) -> Iterator[str]:
    if len(seen.sizes) > 3 and broken(seen, noise, prior):
        yield (
            f"The score at {seen.last:g} labels does not continue the curve of the smaller sizes: a break, such as another "
            "set-up, or a model that begins to learn there; intervals are made wider. Measure around it, and fit the sizes "
            "beyond it alone."
        )


def _perfect(seen: Observed) -> Iterator[str]:
    if not (seen.errors > 0).all():
        yield "A score is perfect at some size: measure on a larger or harder test set, which can tell models apart."


def _below_chance(seen: Observed, chance: float | None) -> Iterator[str]:
    if chance is None:
        return
    worse = seen.sizes[seen.errors > chance + CLEARLY * seen.noise]
    near = seen.sizes[np.abs(seen.errors - chance) <= CLEARLY * seen.noise]
    if len(worse):
        yield (
            f"The score is worse than guessing at {_names(worse)} labels: look for swapped labels, a wrong metric or a "
            "training that failed before trusting any forecast."
        )
    if len(near):
        yield f"At {_names(near)} labels the score cannot be told from guessing: these sizes teach nothing of the curve."


def falls(seen: Observed) -> NDArray[np.intp]:
    """Return positions of sizes at which the error is clearly larger than at a smaller size.

    >>> from poolwise.metric.curve.measurements import observed
    >>> falls(observed(np.array([10.0, 20, 40]), [np.array([e, e]) for e in (0.3, 0.1, 0.2)])).tolist()
    [2]
    """
    holder = holders(seen)
    slack = CLEARLY * np.hypot(seen.noise, seen.noise[holder]) + ROUNDING * seen.errors
    return np.flatnonzero(seen.errors > seen.errors[holder] + slack)


def fallen(seen: Observed) -> bool:
    """Return whether the two largest sizes are both clearly worse than a smaller one: one alone may be a dip."""
    return {len(seen.errors) - 2, len(seen.errors) - 1} <= set(falls(seen).tolist())


def holders(seen: Observed) -> NDArray[np.intp]:
    """Return (K,) position of the smallest error up to each size."""
    return np.array([int(np.argmin(seen.errors[: at + 1])) for at in range(len(seen.errors))])


def _falling(seen: Observed) -> Iterator[str]:
    places = falls(seen)
    if not len(places):
        return
    place = int(places[-1])
    then = "the forecast repeats the last score" if fallen(seen) else "intervals are made wider"
    much = (
        "by more than repeats explain"
        if seen.repeated
        else "by more than the points scatter, as far as that can be told without repeats"
    )
    yield (
        f"The score is worse at {seen.sizes[place]:g} labels than at {seen.sizes[holders(seen)[place]]:g}, {much}: no curve here "
        f"does that, so {then}. Check the training at both sizes."
    )


def _flat(seen: Observed) -> Iterator[str]:
    scatter = CLEARLY * np.hypot(seen.noise[0], seen.noise[-1])
    if len(seen.sizes) > 1 and seen.errors[0] - seen.errors[-1] <= scatter:
        yield "The score does not rise over the sizes measured by more than the repeats scatter: the curve is flat so far."


def broken(seen: Observed, noise: float, prior: Prior) -> bool:
    """Return whether the last of four sizes or more lies outside what the curve without it expects, with its noise.

    The families of the default tell, whichever is fitted: a poor family is no break.

    >>> from poolwise.metric.curve.measurements import observed
    >>> n = np.array([100.0, 200, 400, 800, 1600])
    >>> smooth = observed(n, [np.array([e, e]) for e in n**-0.5])
    >>> broken(smooth, 0.0, Prior())
    False
    """
    posterior = weigh(seen[:-1], replace(prior, members=both()))
    n = seen.sizes[-1:]
    mean, spread = posterior.at(n)
    share = below(posterior.weight, mean, np.hypot(spread, noise), seen.errors[-1:])[0]
    return bool(min(share, 1 - share) < SURPRISE)


def _design(seen: Observed, rows: Sequence[Values]) -> Iterator[str]:
    few = len(seen.sizes)
    if few < 3:
        yield f"{few_sizes(few)} alone: what lies beyond cannot be told. Measure three or more, five at best."
    elif few < ENOUGH:
        yield f"{few} sizes: the interval rests on what learning curves are usually like, more than on this one."
    if few > 1 and seen.last < SPAN * seen.sizes[0]:
        yield f"The sizes span {seen.last / seen.sizes[0]:.2g} times: measure smaller ones too, ten times is a good span."
    if not seen.repeated:
        yield "One repeat a size: how far trainings scatter is guessed from the curve. Repeat each size, the small ones most."
    elif all(np.ptp(row) == 0 for row in rows):
        yield "All repeats are equal: are they copies of one run? Their scatter is taken for 0."


def few_sizes(many: int) -> str:
    """Name one size or two, in words."""
    return "One size" if many == 1 else "Two sizes"


def _names(sizes: Values) -> str:
    return ", ".join(f"{size:g}" for size in sizes)

"""What makes a fit doubtful, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from poolwise.curve.belief import Belief
from poolwise.curve.family import Values
from poolwise.curve.mixture import below
from poolwise.curve.observed import Observed
from poolwise.curve.posterior import weigh

SPAN = 9.5
"""The largest size should be ten times the smallest one, nearly."""
ENOUGH = 5
CLEARLY = 2.0
"""Standard errors."""
ROUNDING = 0.01
"""Differences below this share of the error are no fall."""
SURPRISE = 0.005
"""A break: the last score has less than this probability on its side, given the curve without it."""


def doubts(seen: Observed, rows: Sequence[Values], belief: Belief, chance: float | None) -> tuple[str, ...]:
    """Sentences, the gravest first; empty for a fit without reproach.

    Args:
        seen: errors at rising sizes.
        rows: their repeats.
        belief: with which they are fitted.
        chance: error of guessing, if known.
    """
    return tuple([*_shape(seen, belief, chance), *_design(seen, rows)])


def _shape(seen: Observed, belief: Belief, chance: float | None) -> Iterator[str]:
    yield from _below_chance(seen, chance)
    yield from _falling(seen)
    if len(seen.sizes) > 3 and broken(seen, belief):
        yield (
            f"The score at {seen.last:g} labels does not continue the curve of the smaller sizes: a break, such as another "
            "set-up, or a model that begins to learn there. Measure around it, and fit the sizes beyond it alone."
        )
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


def _falling(seen: Observed) -> Iterator[str]:
    best = np.minimum.accumulate(seen.errors)
    holder = np.array([int(np.argmin(seen.errors[: at + 1])) for at in range(len(best))])
    slack = CLEARLY * np.hypot(seen.noise, seen.noise[holder]) + ROUNDING * seen.errors
    falls = np.flatnonzero(seen.errors > best + slack)
    if len(falls):
        at = int(falls[-1])
        yield (
            f"The score is worse at {seen.sizes[at]:g} labels than at {seen.sizes[holder[at]]:g}, by more than repeats "
            "explain: no curve here does that, so that forecasts are too certain. Check the training at both sizes."
        )
    elif len(seen.sizes) > 1 and seen.errors[0] - seen.errors[-1] <= CLEARLY * np.hypot(seen.noise[0], seen.noise[-1]):
        yield "The score does not rise over the sizes measured by more than the repeats scatter: the curve is flat so far."


def broken(seen: Observed, belief: Belief) -> bool:
    """Whether the last point lies outside what the curve without it expects, with its noise; four sizes or more.

    >>> from poolwise.curve.observed import observed
    >>> n = np.array([100.0, 200, 400, 800, 1600])
    >>> smooth = observed(n, [np.array([e, e]) for e in n**-0.5])
    >>> broken(smooth, Belief())
    False
    """
    posterior = weigh(seen[:-1], belief)
    n = seen.sizes[-1:]
    mean, spread = posterior.at(n)
    share = below(posterior.weight, mean, np.hypot(spread, seen.noise[-1]), seen.errors[-1:])[0]
    return bool(min(share, 1 - share) < SURPRISE)


def _design(seen: Observed, rows: Sequence[Values]) -> Iterator[str]:
    few = len(seen.sizes)
    if few < 3:
        yield f"{few} size(s): what lies beyond cannot be told from them. Measure three or more, five at best."
    elif few < ENOUGH:
        yield f"{few} sizes: the interval rests on what learning curves are usually like, more than on this one."
    if few > 1 and seen.last < SPAN * seen.sizes[0]:
        yield f"The sizes span {seen.last / seen.sizes[0]:.2g} times: measure smaller ones too, ten times is a good span."
    if not seen.repeated:
        yield "One repeat a size: how far trainings scatter is guessed from the curve. Repeat each size, the small ones most."
    elif all(np.ptp(row) == 0 for row in rows):
        yield "All repeats are equal: are they copies of one run? Their scatter is taken for 0."


def _names(sizes: Values) -> str:
    return ", ".join(f"{size:g}" for size in sizes)

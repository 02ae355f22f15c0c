"""The answer in one sentence: how many labels, or that no number of them is likely to do."""

from __future__ import annotations

import numpy as np

from poolwise.metric.curve.required import HORIZON, Reach

UNLIKELY = 0.9
"""From this probability on, of an asymptote above the target, no number of labels is promised."""
DOUBTFUL = 0.1
"""From this probability on it is told that the target may be out of reach."""


def rounded(size: float) -> str:
    """Return a number of labels to two digits.

    >>> rounded(6432.1), rounded(83_400), rounded(7.2)
    ('6,400', '83,000', '8')
    """
    if size < 10:
        return f"{int(np.ceil(size))}"
    step = 10 ** (int(np.floor(np.log10(size))) - 1)
    return f"{round(size / step) * step:,}"


def percent(chance: float) -> str:
    """Return a probability without false certainty.

    >>> percent(0.4449), percent(0.9999), percent(0.0)
    ('44 %', 'over 99 %', 'below 1 %')
    """
    if chance > 0.99:
        return "over 99 %"
    return "below 1 %" if chance < 0.01 else f"{100 * chance:.0f} %"


def answer(reach: Reach, target: str, unit: str) -> str:
    """Say the answer in one sentence.

    Args:
        reach: chances over all sizes.
        target: such as "95 % accuracy".
        unit: what is labelled, in the plural.
    """
    last = reach.posterior.last
    now = float(reach.at(np.array([last]))[0])
    never = 1 - reach.ever
    if now >= UNLIKELY:
        return f"{target} is reached with the {last:,.0f} {unit} measured, or fewer ({percent(now)} chance)."
    if not reach.posterior.rises:
        return f"{target} is not in sight: on this curve more labels do not better the score ({percent(now)} chance)."
    if never >= UNLIKELY:
        return f"{target} is unlikely at any size ({percent(never)} chance that it cannot be reached)."
    return f"{target} {_span(reach, unit)}{_doubt(never)}."


def _span(reach: Reach, unit: str) -> str:
    p10, p50, p90 = (rounded(size) if np.isfinite(size) else "" for size in reach.required)
    if p90:
        return f"needs about {p10} to {p90} {unit} (10 % to 90 % chance), {p50} for an even one"
    if p50:
        return f"needs about {p10} to {p50} {unit} (10 % to 50 % chance)"
    if p10:
        return f"needs {p10} {unit} for a 10 % chance, and more than can be told for an even one"
    farthest = rounded(HORIZON * reach.posterior.last)
    return f"is not within reach of {farthest} {unit}, {HORIZON} times the most measured"


def _doubt(never: float) -> str:
    return f"; it may not be reachable at all ({percent(never)})" if never >= DOUBTFUL else ""

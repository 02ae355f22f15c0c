"""Forecast of the next batch from the rounds of one strategy so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poolwise.metric.curve.fit import FEWEST, fit_curve
from poolwise.metric.curve.measurements import measurements, scale_of
from poolwise.metric.curve.posterior import Prior

NEAR = 1.15
"""Rounds whose numbers of labels lie within this factor are one size with repeats: between such near ones a curve rises
less than trainings scatter, and a chance fall would look like one of the curve."""
LEVEL = 0.8


@dataclass(frozen=True)
class Outlook:
    """A forecast for one number of labels.

    Attributes:
        labels: that number.
        score: expected there.
        low, high: interval (80 %) of it.
        gain: what the labels up to there are expected to add to the curve.
    """

    labels: float
    score: float
    low: float
    high: float
    gain: float


def outlook(labelled: Sequence[float], scores: Sequence[float], more: float) -> Outlook | None:
    """Return the score with `more` labels than the last round had.

    Args:
        labelled: rising numbers of labels, all chosen in one way: rounds of a strategy and random subsets do not go together.
        scores: one for each, of a metric whose best value is 1.
        more: labels of the next batch.

    Returns:
        None while there are fewer than three sizes.

    >>> found = outlook([100, 200, 400, 800], [0.6, 0.7, 0.78, 0.84], 100)
    >>> found.labels, round(found.score, 2), 0.005 < found.gain < 0.02
    (900, 0.85, True)
    """
    sizes, rows = _joined(labelled, scores)
    if len(sizes) < FEWEST or more <= 0:
        return None
    measured = measurements(sizes, rows)
    fit = fit_curve(measured, scale_of(np.concatenate(measured.rows), higher=True, best=1.0), Prior())
    ahead = labelled[-1] + more
    (mean, low, high), now = fit.predict(ahead, LEVEL), fit.predict(labelled[-1])
    return Outlook(ahead, mean, low, high, max(0.0, mean - now.mean))


def _joined(labelled: Sequence[float], scores: Sequence[float]) -> tuple[list[float], list[list[float]]]:
    """Return sizes, the largest first in its group, and their scores; groups are made from the largest downwards."""
    groups: list[list[int]] = []
    for at in range(len(labelled) - 1, -1, -1):
        if groups and labelled[at] * NEAR >= labelled[groups[-1][0]]:
            groups[-1].append(at)
        else:
            groups.append([at])
    groups.reverse()
    return [float(np.mean([labelled[at] for at in mine])) for mine in groups], [
        [scores[at] for at in mine] for mine in groups
    ]

"""Label efficiency: learning curves against the number of labels, and one curve against a control.

A curve is `labels` (R,), strictly increasing and positive, with `scores` (R,), finite. Between its points it is taken
to be straight. Scores are "higher is better" here except where `higher_is_better` says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.errors import InvalidArray

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def checked_curve(labels: ArrayLike, scores: ArrayLike) -> Curve:
    """Return both as (R,) float64.

    Raises:
        InvalidArray: empty, of unequal length, not finite, or label counts that are not positive and rising.
    """
    counts, values = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if counts.ndim != 1 or counts.shape != values.shape or len(counts) == 0:
        raise InvalidArray(f"a learning curve needs labels (R,) and scores (R,), got {counts.shape} and {values.shape}")
    if not (np.isfinite(counts).all() and np.isfinite(values).all()):
        raise InvalidArray("a learning curve holds NaN or infinity; leave out rounds without a score")
    if counts[0] <= 0 or (np.diff(counts) <= 0).any():
        raise InvalidArray(f"numbers of labels must be positive and rise from round to round, got {counts.tolist()}")
    return counts, values


def score_at(labels: ArrayLike, scores: ArrayLike, count: float) -> float:
    """Return the score at `count` labels on the straight lines between the points; NaN outside them.

    >>> score_at([10, 20], [0.5, 0.75], 16)
    0.65
    """
    counts, values = checked_curve(labels, scores)
    return float(np.interp(count, counts, values, left=np.nan, right=np.nan))


def area_under_curve(
    labels: ArrayLike, scores: ArrayLike, low: float | None = None, high: float | None = None
) -> float:
    """Return the mean height of the curve over the labels from `low` to `high` (default: all of it).

    The area by the trapezoid rule divided by the width: the area under the budget curve (AUBC) of Zhan et al. (2021,
    "A Comparative Survey: Benchmarking for Pool-based Active Learning", IJCAI), which keeps the unit of the score.
    A curve of one point, or an interval without width, gives the score there.

    Args:
        labels: (R,) numbers of labels.
        scores: (R,) score at each.
        low: left end, within the curve.
        high: right end, within the curve.

    Returns:
        A score; NaN if the interval is empty or leaves the curve.

    >>> round(area_under_curve([10, 20, 40], [0.5, 0.7, 0.9]), 4)    # (10 * 0.6 + 20 * 0.8) / 30
    0.7333
    """
    counts, values = checked_curve(labels, scores)
    left, right = float(counts[0] if low is None else low), float(counts[-1] if high is None else high)
    if not counts[0] <= left <= right <= counts[-1]:
        return math.nan
    if left == right:
        return score_at(counts, values, left)
    inner = counts[(counts > left) & (counts < right)]
    places = np.concatenate(([left], inner, [right]))
    heights = np.interp(places, counts, values)
    return float(((heights[1:] + heights[:-1]) / 2 * np.diff(places)).sum() / (right - left))


def labels_to_reach(labels: ArrayLike, scores: ArrayLike, level: float) -> float:
    """Return labels until the curve first stood at `level`, on straight lines between points of its running maximum.

    The running maximum, because it is the score of the model one would keep, and because only a curve that never falls
    has one answer. It is a little hopeful, since a lucky round counts; both curves of a comparison get the same favour.

    Returns:
        A number of labels, at least `labels[0]` (what happened before the first point is unknown); infinity if the
        level was not reached.

    >>> labels_to_reach([10, 20, 30], [0.5, 0.7, 0.6], 0.6)
    15.0
    >>> labels_to_reach([10, 20, 30], [0.5, 0.7, 0.6], 0.8)
    inf
    """
    counts, values = checked_curve(labels, scores)
    best = np.maximum.accumulate(values)
    if level > best[-1]:
        return math.inf
    at = int(np.argmax(best >= level))
    if at == 0:
        return float(counts[0])
    share = (level - best[at - 1]) / (best[at] - best[at - 1])
    return float(counts[at - 1] + share * (counts[at] - counts[at - 1]))


@dataclass(frozen=True)
class Comparison:
    """One learning curve against a control. Scores keep their own direction; `nan` where the curves do not overlap.

    Attributes:
        level: the best score that both reached.
        labels: labels the strategy needed for it.
        control_labels: labels the control needed for it.
        ratio: `control_labels / labels`; above 1 the strategy needed fewer.
        end: the largest number of labels that both curves cover.
        score: of the strategy at `end` labels.
        control_score: of the control at `end` labels.
        difference: `score - control_score`.
        area: mean score of the strategy over the labels that both curves cover.
        control_area: the same of the control.
    """

    level: float
    labels: float
    control_labels: float
    ratio: float
    end: float
    score: float
    control_score: float
    difference: float
    area: float
    control_area: float


def compare(
    labels: Sequence[float],
    scores: Sequence[float],
    control_labels: Sequence[float],
    control_scores: Sequence[float],
    *,
    higher_is_better: bool = True,
) -> Comparison:
    """Compare a strategy's curve with its control's.

    Label efficiency is read at the best level that both reached, so that neither count is a guess beyond the data.

    Raises:
        InvalidArray: a curve is not one; see `checked_curve`.

    >>> found = compare([10, 20, 30], [0.5, 0.8, 0.9], [10, 20, 30], [0.5, 0.6, 0.8])
    >>> found.level, found.labels, found.control_labels, found.ratio
    (0.8, 20.0, 30.0, 1.5)
    >>> round(found.difference, 9), found.end
    (0.1, 30.0)
    """
    sign = 1.0 if higher_is_better else -1.0
    ours, theirs = checked_curve(labels, scores), checked_curve(control_labels, control_scores)
    level = min((sign * ours[1]).max(), (sign * theirs[1]).max())
    needed, control_needed = (labels_to_reach(counts, sign * values, level) for counts, values in (ours, theirs))
    low, high = max(ours[0][0], theirs[0][0]), min(ours[0][-1], theirs[0][-1])
    score, control_score = score_at(*ours, high), score_at(*theirs, high)
    return Comparison(
        level=float(sign * level),
        labels=needed,
        control_labels=control_needed,
        ratio=control_needed / needed,
        end=float(high),
        score=score,
        control_score=control_score,
        difference=score - control_score,
        area=area_under_curve(*ours, low, high),
        control_area=area_under_curve(*theirs, low, high),
    )


def chance_difference(first: float, second: float, size: int, *, z: float = 1.96) -> float:
    """Return how far two shares of a test set of `size` pictures may differ by the chance of its draw alone.

    Half the width of the 95 % interval of Agresti and Caffo (2000, The American Statistician 54:280): a success and a
    failure are added to each side, so that 100 % right still has a width. It takes the two as independent. Two models
    on the same pictures agree on most, which makes it too wide; the chance in training, which it does not know, makes
    it too narrow. So it is a hint, not a test.

    Args:
        first: share in [0, 1].
        second: share in [0, 1].
        size: pictures in the test set, at least 1.
        z: how many standard errors.

    >>> round(chance_difference(0.9, 0.9, 398), 4)     # 1.96 * sqrt(2 * 0.898 * 0.102 / 400)
    0.0419
    """
    adjusted = [(share * size + 1) / (size + 2) for share in (first, second)]
    return z * math.sqrt(sum(share * (1 - share) for share in adjusted) / (size + 2))

"""Training dynamics of a label: the area under the margin (Pleiss, Zhang, Elenberg and Weinberger 2020). In-sample.

The margin of a sample is the logit of its given label less the largest other one, as the network has them while it trains
on that very label. A wrong label is held down by the samples that look alike: its margin is low for long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Need
from poolwise.quality.label_error.detectors import Detector, LabelView, given_first
from poolwise.quality.label_error.self_confidence import Numbers, Quality


def margins(labels: Numbers, logits: NDArray[Any]) -> Quality:
    """Return (N,) logit of the given label less the largest other one (their equation 1); from (N, C), C at least 2.

    >>> margins(np.array([0, 1]), np.array([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])).tolist()
    [1.0, -2.0]
    """
    rows = np.arange(len(labels))
    others = np.array(logits, dtype=np.float64)
    given = others[rows, labels].copy()
    others[rows, labels] = -np.inf
    return np.asarray(given - others.max(axis=1))


def area_under_margin(labels: Numbers, logits_tnc: NDArray[Any]) -> Quality:
    """Return (N,) mean margin over the T passes of a training (their equation 2); low where a label is likely wrong.

    >>> area_under_margin(np.array([0]), np.array([[[1.0, 3.0]], [[5.0, 1.0]]])).tolist()       # -2 and 4
    [1.0]
    """
    return np.asarray(np.mean([margins(labels, logits) for logits in logits_tnc], axis=0))


def threshold_samples(labels: Numbers, classes: int, rng: np.random.Generator, apart: Numbers | None = None) -> Numbers:
    """Draw ids to be given the extra class number C, about N / (C + 1): what is wrong for sure (their section 3.2).

    A second training, with these ids as `apart`, has others, so that every sample is judged in one of the two.

    >>> found = threshold_samples(np.zeros(30, dtype=int), 2, np.random.default_rng(0))
    >>> len(found), len(np.unique(found))
    (10, 10)
    """
    free = np.setdiff1d(np.arange(len(labels)), np.empty(0, dtype=np.int64) if apart is None else apart)
    size = min(len(free), round(len(labels) / (classes + 1)))
    return np.sort(rng.choice(free, size, replace=False)).astype(np.int64)


def cut_off(areas: Quality, threshold_ids: Numbers, percentile: float = 99) -> float:
    """Return the area (N,) below which a label is called wrong: a high percentile of the threshold samples'.

    >>> cut_off(np.array([-3.0, -1.0, 4.0]), np.array([0, 1]), 50)
    -2.0
    """
    return float(np.percentile(areas[threshold_ids], percentile))


def flagged_by_margin(areas: Quality, threshold_ids: Numbers, percentile: float = 99) -> NDArray[np.bool_]:
    """Return (N,) whether a label's area is below the cut-off; never for the threshold samples, whose label was taken.

    >>> flagged_by_margin(np.array([-3.0, -1.0, -2.5, 4.0]), np.array([0, 1]), 50).tolist()
    [False, False, True, False]
    """
    wrong = areas < cut_off(areas, threshold_ids, percentile)
    wrong[threshold_ids] = False
    return np.asarray(wrong)


@dataclass(frozen=True)
class AreaUnderMargin(Detector):
    """The area under the margin, brought to [0, 1]: below one half where another class led on average.

    **In-sample, and about the given label alone**: how another one would have been learnt is not known, so its quality is
    read off what the given one leaves, shared out as the probabilities are (`given_first`).
    """

    needs: ClassVar[Need] = Need.PROBS | Need.MARGINS
    uses_given_label: ClassVar[bool] = True

    def evidence(self, view: LabelView) -> Floats:
        """Return (N, C) 1 / (1 + exp(-area / median |area|)) for the given label; the rest by the probabilities."""
        assert view.margins is not None
        size = float(np.median(np.abs(view.margins))) if len(view.margins) else 1.0
        scaled = np.clip(view.margins / (size or 1.0), -30, 30)
        return given_first(view.labels, 1 / (1 + np.exp(-scaled)), view.probs)

"""How far uncertainty has shown that it tells errors from hits, on answers that came after the prediction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Labels, Task, is_known
from poolwise.query.acquisition.confidence import margin

CERTAIN = 2.0
"""Standard errors by which the area must exceed one half, as in a test at 2.5 %."""


def auroc(scores: NDArray[np.float32], errors: NDArray[np.bool_]) -> tuple[float, float]:
    """Area under the ROC curve of scores for errors, and its standard error if scores told nothing.

    The area is the chance that a random error scores higher than a random hit, ties counting half (Hanley and McNeil
    1982); the standard error is that of the Mann-Whitney statistic under the null hypothesis.

    Args:
        scores: (n,) higher for what is likelier to be wrong.
        errors: (n,) whether it was.

    Returns:
        (0.5, inf) where there are only errors, only hits, or nothing.

    >>> auroc(np.array([0.9, 0.8, 0.1, 0.2]), np.array([True, True, False, False]))[0]
    1.0
    """
    from scipy.stats import rankdata

    wrong = int(errors.sum())
    right = len(errors) - wrong
    if not wrong or not right:
        return 0.5, float("inf")
    above = rankdata(scores)[errors].sum() - wrong * (wrong + 1) / 2
    return float(above / (wrong * right)), float(np.sqrt((wrong + right + 1) / (12 * wrong * right)))


def trustworthy(forecasts: Floats | None, labels: Labels | None, task: Task = Task.MULTICLASS) -> tuple[bool, int]:
    """Whether the margin has told errors from hits better than chance: by more than 2 standard errors.

    Args:
        forecasts: (L, C) predicted before the label was known; rows of NaN where nothing was. None: nothing was.
        labels: what was answered then.
        task: in a multi-label task an error is any label on the wrong side of 1/2.

    Returns:
        Whether, and how many forecasts that rests on.

    >>> trustworthy(None, None)
    (False, 0)
    """
    if forecasts is None or labels is None:
        return False, 0
    told = is_known(labels) & np.isfinite(forecasts).all(axis=1)
    said, truth = forecasts[told], labels[told]
    wrong = ((said > 0.5) != (truth == 1)).any(axis=1) if task is Task.MULTILABEL else said.argmax(axis=1) != truth
    area, error = auroc(margin(said, task), wrong) if len(said) else (0.5, float("inf"))
    return area - 0.5 > CERTAIN * error, int(told.sum())

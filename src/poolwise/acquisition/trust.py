"""How far uncertainty has shown that it tells errors from hits, on answers that came after the prediction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.acquisition.confidence import margin
from poolwise.types import Floats, Labels, Task, is_known

CERTAIN = 2.0
"""Standard errors by which a lead is lowered before it is believed, as in a test at 2.5 %."""


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


def trust(forecasts: Floats | None, labels: Labels | None, task: Task = Task.MULTICLASS) -> tuple[float, int]:
    """The share of the margin's lead over chance, at telling errors from hits, that is more than noise.

    With area A and its standard error s it is 1 - 2 s / (A - 1/2), between 0 and 1: 0 while there are few answers or the
    margin tells nothing, and nearer to 1 the more answers agree that it does.

    Args:
        forecasts: (L, C) predicted before the label was known; rows of NaN where nothing was. None: nothing was.
        labels: what was answered then.
        task: in a multi-label task an error is any label on the wrong side of 1/2.

    Returns:
        The share, and how many forecasts it rests on.

    >>> trust(None, None)
    (0.0, 0)
    """
    if forecasts is None or labels is None:
        return 0.0, 0
    told = is_known(labels) & np.isfinite(forecasts).all(axis=1)
    said, truth = forecasts[told], labels[told]
    wrong = ((said > 0.5) != (truth == 1)).any(axis=1) if task is Task.MULTILABEL else said.argmax(axis=1) != truth
    area, error = auroc(margin(said, task), wrong) if len(said) else (0.5, float("inf"))
    lead = area - 0.5
    return (float(max(0.0, 1 - CERTAIN * error / lead)) if lead > 0 else 0.0), int(told.sum())

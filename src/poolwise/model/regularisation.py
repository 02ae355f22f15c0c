"""Choose how closely a logistic head follows its labels, by cross-validation on these labels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor
from torch.nn import functional

from poolwise.model.logistic import solve

VARIANCES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Prior variances of a logit that are tried."""
USUAL = 100.0
"""Where too few labels are there to tell."""
FOLDS = 3
FEWEST = 20
"""Labels from which held-out ones tell more than chance."""
DIRECTIONS = 192
"""Principal directions that the trials look at: a second for 2,000 labels in place of ten."""
ITERATIONS = 40


@dataclass(frozen=True)
class Choice:
    """A prior variance, and the mean held-out loss at each that was tried (nothing where none was)."""

    variance: float
    losses: dict[float, float]


def choose_variance(features: Tensor, labels: Tensor, classes: int, groups: NDArray[Any] | None, seed: int) -> Choice:
    """Choose the prior variance with the smallest held-out log loss.

    Args:
        features: (L, D) of mean square about 1.
        labels: (L,) class numbers, or (L, C) of 0 and 1 as float.
        classes: C.
        groups: (L,) rows of one group are held out together, -1 for none; None: no groups.
        seed: of the folds.
    """
    units = np.arange(len(labels)) if groups is None else np.where(groups < 0, -1 - np.arange(len(labels)), groups)
    if len(labels) < FEWEST or len(np.unique(units)) < FOLDS:
        return Choice(USUAL, {})
    points = _leading(features)
    strata = (labels if labels.ndim == 1 else labels.argmax(dim=1)).cpu().numpy()
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes with fewer pictures than folds
        folds = list(splitter.split(np.zeros(len(strata)), strata, units))
    losses = _search(
        lambda variance: sum(_loss(points, labels, classes, variance, *fold) for fold in folds) / len(labels)
    )
    return Choice(min(losses, key=losses.__getitem__), losses)


def _leading(features: Tensor) -> Tensor:
    """Return (L, r) the features along their principal directions, of mean square 1 like them: the prior means the same."""
    values = features.double()
    rows, width = values.shape
    if rows <= width:
        squares, left = torch.linalg.eigh(values @ values.T)
        points = (left * squares.clamp_min(0).sqrt())[:, -DIRECTIONS:]
    else:
        points = values @ torch.linalg.eigh(values.T @ values)[1][:, -DIRECTIONS:]
    found: Tensor = (points * math.sqrt(points.shape[1] / width)).float()
    return found


def _search(loss: Callable[[float], float]) -> dict[float, float]:
    """Return variance -> loss of those tried: from the middle in the direction that is better, as long as it is."""
    at, losses = len(VARIANCES) // 2, {}
    for step in (1, -1):
        here = at
        while 0 <= here < len(VARIANCES):
            if VARIANCES[here] not in losses:
                losses[VARIANCES[here]] = loss(VARIANCES[here])
            if losses[VARIANCES[here]] > min(losses.values()):
                break
            here += step
        if min(losses, key=losses.__getitem__) != VARIANCES[at]:
            break
    return losses


def _loss(
    points: Tensor, labels: Tensor, classes: int, variance: float, train: NDArray[Any], held: NDArray[Any]
) -> float:
    """Return the summed log loss on held-out rows."""
    own, rest = torch.from_numpy(train), torch.from_numpy(held)
    found = solve(points[own], labels[own], classes, variance, ITERATIONS)
    logits = points[rest] @ found.weights.T.to(points) + found.bias.to(points)
    if labels.ndim == 1:
        return float(functional.cross_entropy(logits, labels[rest], reduction="sum"))
    return float(functional.binary_cross_entropy_with_logits(logits, labels[rest].to(logits), reduction="sum"))

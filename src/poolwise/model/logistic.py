"""Logistic regression with a Gaussian prior, solved by preconditioned L-BFGS in double precision around float32 products."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from poolwise.core.errors import TrainingDiverged

WIDEST = 2048
"""Features up to which directions are evened out: D^3 / 3 operations."""
SHORTEST = 1.0
"""Samples a feature, below which evening out costs more than it saves."""


@dataclass(frozen=True, eq=False)
class Solution:
    """Weights (C, D) and bias (C,) of a logistic regression, and how it was found."""

    weights: Tensor
    bias: Tensor
    info: dict[str, float]


def solve(features: Tensor, labels: Tensor, classes: int, variance: float, most: int) -> Solution:
    """Return the most probable weights under independent Gaussian priors: variance `variance` / D, the bias `variance`.

    Args:
        features: (L, D) of mean square about 1.
        labels: (L,) class numbers, or (L, C) of 0 and 1 as float: one regression a class.
        classes: C.
        variance: of the prior.
        most: iterations.

    Returns:
        the solution, its logits within a few hundredths; info: steps, loss (mean, without the prior), converged.

    Raises:
        TrainingDiverged: features that are not finite.
    """
    from scipy.optimize import minimize

    if not bool(torch.isfinite(features).all()):
        raise TrainingDiverged("the embeddings of labelled samples hold NaN or infinity; look at model.backbone.")
    scale = math.sqrt(variance / features.shape[1])
    inputs = torch.cat([features * scale, features.new_full((len(features), 1), math.sqrt(variance))], dim=1)
    problem = _Problem(inputs, labels, classes)
    options = {"maxiter": most, "ftol": 1e-8, "gtol": 3e-5 * math.sqrt(max(100, len(features)))}
    start = np.zeros(classes * inputs.shape[1])
    found = minimize(problem, start, jac=True, method="L-BFGS-B", options=options)
    weights = problem.weights(found.x)
    loss, _ = problem.loss(weights)
    info = {"steps": float(found.nit), "loss": loss / len(features), "converged": float(found.success)}
    return Solution((weights[:, :-1] * scale).float(), (weights[:, -1] * math.sqrt(variance)).float(), info)


class _Problem:
    """Minus the log posterior and its gradient, for scipy.

    Weights are measured in their prior deviation, and the search runs over weights @ R with R R^T an estimate of the
    curvature, share * X^T X + 1 (Boehning 1992 bounds it by one half in place of share): long and flat directions become
    alike, and a few dozen steps are enough where hundreds were not.
    """

    def __init__(self, inputs: Tensor, labels: Tensor, classes: int) -> None:
        self.inputs = inputs
        self.labels = labels
        self.several = labels.ndim == 2
        self.targets = labels if self.several else functional.one_hot(labels, classes).to(inputs.dtype)
        self.root = self._root(2 if self.several else classes)

    def __call__(self, flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return value and gradient."""
        weights = self.weights(flat)
        loss, slope = self.loss(weights)
        gradient = (slope.T @ self.inputs).double().cpu() + weights
        if self.root is not None:
            gradient = torch.linalg.solve_triangular(self.root, gradient.T, upper=False).T
        return loss + 0.5 * float(weights.square().sum()), gradient.numpy().ravel()

    def weights(self, flat: NDArray[np.float64]) -> Tensor:
        """Return the (C, D + 1) weights where the search stands."""
        stand = torch.from_numpy(flat.reshape(self.targets.shape[1], -1))
        return stand if self.root is None else torch.linalg.solve_triangular(self.root.T, stand.T, upper=True).T

    def loss(self, weights: Tensor) -> tuple[float, Tensor]:
        """Return the summed loss, and its slope with respect to the logits (L, C)."""
        logits = self.inputs @ weights.to(self.inputs).T
        if self.several:
            losses = functional.softplus(logits) - self.targets * logits
            return float(losses.sum(dtype=torch.float64)), torch.sigmoid(logits) - self.targets
        logs = functional.log_softmax(logits, dim=1)
        return -float((logs * self.targets).sum(dtype=torch.float64)), logs.exp() - self.targets

    def _root(self, classes: int) -> Any:
        rows, width = self.inputs.shape
        if width > WIDEST + 1 or rows < SHORTEST * width:
            return None
        share = (
            0.5 * (1 - 1 / classes) / max(classes, 2)
        )  # half of p (1 - p) at the start: it falls as labels are learnt
        curvature = (self.inputs.T @ self.inputs).double().cpu() * max(share, 0.0)
        curvature.diagonal().add_(1)
        return torch.linalg.cholesky(curvature)

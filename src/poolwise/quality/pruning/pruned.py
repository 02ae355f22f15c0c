"""The result of a pruning strategy, and its protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Labels, Need
from poolwise.quality.label_error.label_errors import LabelErrors


@dataclass(frozen=True, eq=False)
class Pruned:
    """Cleaned training labels.

    Attributes:
        keep: (N,) whether a sample stays in training.
        labels: (N,) or (N, C) the labels of those that stay.
        suggested: the same shape: labels for all samples, with none left out; None where the strategy suggests none.
    """

    keep: NDArray[np.bool_]
    labels: Labels
    suggested: Labels | None = None


@runtime_checkable
class Pruning(Protocol):
    """Says which samples to leave out of training, and which labels the others have."""

    @property
    def needs(self) -> Need:
        """GROUPS: near-copies; PROBS: what a detector of label errors found."""

    def prune(self, groups: NDArray[np.int64], labels: Labels, found: LabelErrors | None = None) -> Pruned:
        """Take groups (N,), -1 for none; labels (N,) or (N, C), unknown ones left alone; `found` where PROBS is needed."""

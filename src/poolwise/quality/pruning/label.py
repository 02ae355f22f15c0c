"""Change the labels within a component: drop those that few of its samples have, or keep those that all have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.types import Labels, Need, is_known
from poolwise.quality.label_error.label_errors import LabelErrors
from poolwise.quality.pruning.counts import Numbers, components
from poolwise.quality.pruning.pruned import Pruned


def prune_labels(
    groups: Numbers, labels: Labels, *, least: float = 0.5, fill: float | None = None
) -> NDArray[np.int64]:
    """Drop a label from the samples of a component where too small a share of them has it.

    Args:
        groups: (N,) component numbers, -1 for none.
        labels: (N,) class numbers or (N, C) of 0 and 1.
        least: share in [0, 1] below which a label goes.
        fill: share from which a label is given to all of the component; None gives none.

    Returns:
        Labels of the same shape. With one class a sample, one whose label went is unknown (-1), or has the label that
        was filled in; where several were, the more frequent one, of equals the lower.

    Raises:
        ConfigError: shares outside [0, 1], or `fill` below one half: two labels could claim one sample.

    >>> prune_labels(np.array([0, 0, 0, -1]), np.array([2, 2, 1, 1])).tolist()
    [2, 2, -1, 1]
    >>> prune_labels(np.array([0, 0, 0, -1]), np.array([2, 2, 1, 1]), fill=0.6).tolist()
    [2, 2, 2, 1]
    """
    if not 0 <= least <= 1 or (fill is not None and not 0.5 <= fill <= 1):
        raise ConfigError(f"least must be in [0, 1] and fill in [0.5, 1]; got {least} and {fill}.")
    found = components(groups, labels)
    inside = found.of >= 0
    shares = found.shares[found.of[inside]]
    mine = found.multi_hot[inside] & (shares >= least)
    if fill is not None:
        mine |= shares >= fill
    changed = np.asarray(labels).astype(np.int64)
    if changed.ndim == 2:
        changed[inside] = mine
        return changed
    best = np.where(mine, shares, -1).argmax(axis=1) if mine.shape[1] else np.empty(0, dtype=np.int64)
    changed[inside] = np.where(mine.any(axis=1), best, -1)
    return changed


def intersect_labels(groups: Numbers, labels: Labels) -> NDArray[np.int64]:
    """Keep in a component only the labels that all of its samples have.

    >>> intersect_labels(np.array([0, 0]), np.array([[1, 1, 0], [1, 0, 1]])).tolist()
    [[1, 0, 0], [1, 0, 0]]
    """
    return prune_labels(groups, labels, least=1.0)


@dataclass(frozen=True)
class ByLabel:
    """Drop labels that few of a component have; a sample that has one class and loses it is left out. See `prune_labels`."""

    least: float = 0.5
    fill: float | None = None

    needs: ClassVar[Need] = Need.GROUPS

    def prune(self, groups: Numbers, labels: Labels, found: LabelErrors | None = None) -> Pruned:
        """Return which samples stay, and the labels that they have now."""
        changed = prune_labels(groups, labels, least=self.least, fill=self.fill)
        return Pruned(is_known(changed) | ~is_known(np.asarray(labels)), changed)


@dataclass(frozen=True)
class Intersection:
    """Keep in a component the labels that all of its samples have; see `intersect_labels`."""

    needs: ClassVar[Need] = Need.GROUPS

    def prune(self, groups: Numbers, labels: Labels, found: LabelErrors | None = None) -> Pruned:
        """Return which samples stay, and the labels that they have now."""
        changed = intersect_labels(groups, labels)
        return Pruned(is_known(changed) | ~is_known(np.asarray(labels)), changed)

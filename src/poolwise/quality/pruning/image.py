"""Leave out single pictures that disagree with the rest of their component."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.types import Labels, Need, is_known
from poolwise.quality.label_error.label_errors import LabelErrors
from poolwise.quality.pruning.counts import Numbers, components
from poolwise.quality.pruning.pruned import Pruned


class Agreement(str, Enum):
    """What of a picture's labels counts: the one that fewest share, their mean, or the mean over absent labels too."""

    LEAST = "least"
    MEAN = "mean"
    ALL = "all"


def prune_images(
    groups: Numbers,
    labels: Labels,
    *,
    threshold: float = 0.5,
    agreement: Agreement = Agreement.LEAST,
    singletons: bool = True,
) -> NDArray[np.bool_]:
    """Leave out a picture whose labels too small a share of its component has.

    Args:
        groups: (N,) component numbers, -1 for none.
        labels: (N,) class numbers or (N, C) of 0 and 1.
        threshold: shares in [0, 1] below this go.
        agreement: LEAST and MEAN are over the labels that the picture has; ALL counts one minus the share for those
            that it lacks.
        singletons: whether pictures in no component stay.

    Returns:
        (N,) whether a picture stays; one without a label always does. A picture that has no class in LEAST and MEAN does.

    >>> prune_images(np.array([0, 0, 0, -1]), np.array([2, 2, 1, 1])).tolist()
    [True, True, False, True]
    """
    if not 0 <= threshold <= 1:
        raise ConfigError(f"threshold must be in [0, 1]; got {threshold}.")
    found = components(groups, labels)
    stays = np.full(len(found.of), singletons, dtype=np.bool_)
    inside = found.of >= 0
    mine, shares = found.multi_hot[inside], found.shares[found.of[inside]]
    if agreement is Agreement.LEAST:
        agrees = np.where(mine, shares, 1.0).min(axis=1, initial=1.0)
    elif agreement is Agreement.MEAN:
        agrees = np.where(mine.any(axis=1), (shares * mine).sum(axis=1) / np.maximum(mine.sum(axis=1), 1), 1.0)
    else:
        agrees = np.where(mine, shares, 1 - shares).mean(axis=1) if mine.shape[1] else np.ones(len(mine))
    stays[inside] = agrees >= threshold
    return np.asarray(stays | ~is_known(np.asarray(labels)))


@dataclass(frozen=True)
class ByImage:
    """Leave out single pictures; see `prune_images`."""

    threshold: float = 0.5
    agreement: Agreement = Agreement.LEAST
    singletons: bool = True

    needs: ClassVar[Need] = Need.GROUPS

    def prune(self, groups: Numbers, labels: Labels, found: LabelErrors | None = None) -> Pruned:
        """Return which samples stay, with the labels that they have."""
        keep = prune_images(
            groups, labels, threshold=self.threshold, agreement=self.agreement, singletons=self.singletons
        )
        return Pruned(keep, np.asarray(labels))

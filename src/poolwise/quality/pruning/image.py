"""Leave out single pictures that disagree with the rest of their component."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import Checked, Share
from poolwise.core.types import Labels, Need, is_known
from poolwise.quality.label_error.label_errors import LabelErrors
from poolwise.quality.pruning.counts import Doubles, Numbers, components
from poolwise.quality.pruning.pruned import Pruned


class Agreement(str, Enum):
    """The part of a picture's labels that counts: the one that fewest share, their mean, or the mean over absent labels too."""

    LEAST = "least"
    MEAN = "mean"
    ALL = "all"


@dataclass(frozen=True)
class ByImage(Checked):
    """Leave out a picture whose labels too small a share of its component has.

    One that has no class stays by LEAST and MEAN, one without a label always does.

    Attributes:
        threshold: shares below this go.
        agreement: LEAST and MEAN are over the labels that the picture has; ALL counts one minus the share for those
            that it lacks.
        singletons: whether pictures in no component stay.

    >>> ByImage().prune(np.array([0, 0, 0, -1]), np.array([2, 2, 1, 1])).keep.tolist()
    [True, True, False, True]
    """

    threshold: Share = 0.5
    agreement: Agreement = Agreement.LEAST
    singletons: bool = True

    needs: ClassVar[Need] = Need.GROUPS

    def prune(self, groups: Numbers, labels: Labels, found: LabelErrors | None = None) -> Pruned:
        """Return which samples stay, with the labels that they have."""
        held = components(groups, labels)
        stays = np.full(len(held.of), self.singletons, dtype=np.bool_)
        inside = held.of >= 0
        stays[inside] = self._agreement(held.multi_hot[inside], held.shares[held.of[inside]]) >= self.threshold
        return Pruned(stays | ~is_known(np.asarray(labels)), np.asarray(labels))

    def _agreement(self, mine: NDArray[np.bool_], shares: Doubles) -> Doubles:
        """Return (n,) how far pictures with labels (n, C) agree with their components, of which shares (n, C) have each."""
        if self.agreement is Agreement.LEAST:
            return np.asarray(np.where(mine, shares, 1.0).min(axis=1, initial=1.0))
        if self.agreement is Agreement.MEAN:
            return np.where(mine.any(axis=1), (shares * mine).sum(axis=1) / np.maximum(mine.sum(axis=1), 1), 1.0)
        return np.where(mine, shares, 1 - shares).mean(axis=1) if mine.shape[1] else np.ones(len(mine))

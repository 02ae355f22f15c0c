"""Change the labels within a component: drop those that few of its samples have, or keep those that all have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from poolwise.core.ranges import Checked, Share
from poolwise.core.types import Labels, Need, is_known
from poolwise.quality.label_error.label_errors import LabelErrors
from poolwise.quality.pruning.counts import Numbers, components
from poolwise.quality.pruning.pruned import Pruned


@dataclass(frozen=True)
class ByLabel(Checked):
    """Drop a label from the samples of a component where too small a share of them has it.

    A sample that has one class and loses it is left out, unless another one is filled in: of several the more frequent
    one, of equals the lower.

    Attributes:
        least: share below which a label goes.
        fill: share from which a label is given to all of the component; below one half two could claim one sample. None
            gives none.

    >>> ByLabel().prune(np.array([0, 0, 0, -1]), np.array([2, 2, 1, 1])).labels.tolist()
    [2, 2, -1, 1]
    >>> ByLabel(fill=0.6).prune(np.array([0, 0, 0, -1]), np.array([2, 2, 1, 1])).labels.tolist()
    [2, 2, 2, 1]
    """

    least: Share = 0.5
    fill: Annotated[float, Interval(ge=0.5, le=1)] | None = None

    needs: ClassVar[Need] = Need.GROUPS

    def prune(self, groups: Numbers, labels: Labels, found: LabelErrors | None = None) -> Pruned:
        """Return which samples stay, and the labels that they have now."""
        changed = self._changed(groups, np.asarray(labels))
        return Pruned(is_known(changed) | ~is_known(np.asarray(labels)), changed)

    def _changed(self, groups: Numbers, labels: Labels) -> NDArray[np.int64]:
        held = components(groups, labels)
        inside = held.of >= 0
        shares = held.shares[held.of[inside]]
        mine = held.multi_hot[inside] & (shares >= self.least)
        if self.fill is not None:
            mine |= shares >= self.fill
        changed = labels.astype(np.int64)
        if changed.ndim == 2:
            changed[inside] = mine
        elif mine.shape[1]:
            best = np.where(mine, shares, -1).argmax(axis=1)
            changed[inside] = np.where(mine.any(axis=1), best, -1)
        return changed


@dataclass(frozen=True)
class Intersection:
    """Keep in a component only the labels that all of its samples have.

    >>> Intersection().prune(np.array([0, 0]), np.array([[1, 1, 0], [1, 0, 1]])).labels.tolist()
    [[1, 0, 0], [1, 0, 0]]
    """

    needs: ClassVar[Need] = Need.GROUPS

    def prune(self, groups: Numbers, labels: Labels, found: LabelErrors | None = None) -> Pruned:
        """Return which samples stay, and the labels that they have now."""
        return ByLabel(least=1.0).prune(groups, labels)

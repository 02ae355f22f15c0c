"""Leave out whole components whose labels contradict each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np

from poolwise.core.errors import ConfigError
from poolwise.core.ranges import Checked, NonNegative
from poolwise.core.types import Labels, Need, is_known
from poolwise.quality.label_error.label_errors import LabelErrors
from poolwise.quality.pruning.counts import Components, Doubles, Numbers, components
from poolwise.quality.pruning.pruned import Pruned


class Spread(str, Enum):
    """Spread of the labels of a component; each is 0 where all agree or, for the last three, where counts are equal.

    With k_l the samples of a component of n that have label l, over the labels that any of them has:
    UNEVEN: mean of 4 (k_l / n) (1 - k_l / n), in [0, 1]: 0 only where all labels are on all samples.
    VARIANCE: mean of (k_l - their mean)^2.
    GEOMETRIC: exp(mean of (ln k_l - mean ln k)^2) - 1: rare labels in large components weigh most.
    CUBIC: (mean of |k_l - their mean|^3)^(1/3) / n: one odd label dominates.
    """

    UNEVEN = "uneven"
    VARIANCE = "variance"
    GEOMETRIC = "geometric"
    CUBIC = "cubic"


def spread(groups: Components, measure: Spread = Spread.UNEVEN) -> Doubles:
    """Return (M,) how far the labels of each component are apart; 0 for one without any label.

    >>> found = components(np.array([0, 0, 0, 0]), np.array([1, 1, 1, 2]))
    >>> [round(float(spread(found, measure)[0]), 4) for measure in Spread]     # 3 and 1 of 4: mean 2
    [0.75, 1.0, 0.3522, 0.25]
    """
    there = groups.counts > 0
    each = np.maximum(there.sum(axis=1), 1)
    counts = groups.counts.astype(np.float64)
    if measure is Spread.UNEVEN:
        return np.asarray((4 * groups.shares * (1 - groups.shares) * there).sum(axis=1) / each)
    if measure is Spread.GEOMETRIC:
        logs = np.log(np.maximum(counts, 1))
        mean = (logs * there).sum(axis=1) / each
        return np.asarray(np.expm1(((logs - mean[:, None]) ** 2 * there).sum(axis=1) / each))
    gaps = np.abs(counts - (counts.sum(axis=1) / each)[:, None]) * there
    if measure is Spread.VARIANCE:
        return np.asarray((gaps**2).sum(axis=1) / each)
    return np.asarray(np.cbrt((gaps**3).sum(axis=1) / each) / np.maximum(groups.sizes, 1))


@dataclass(frozen=True)
class ByComponent(Checked):
    """Leave out every sample of a component whose labels are further apart than a threshold.

    Attributes:
        measure: of the spread.
        threshold: components above it go; with `percentile` one from 0 to 100 of the components' own spreads.
        percentile: how to read the threshold.
        singletons: whether samples in no component stay; one without a label always does.

    >>> ByComponent().prune(np.array([0, 0, 1, 1, -1]), np.array([0, 1, 1, 1, 0])).keep.tolist()
    [False, False, True, True, True]
    """

    measure: Spread = Spread.UNEVEN
    threshold: NonNegative = 0.0
    percentile: bool = False
    singletons: bool = True

    needs: ClassVar[Need] = Need.GROUPS

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.percentile and self.threshold > 100:
            raise ConfigError(f"threshold is a percentile, so it must be at most 100; got {self.threshold}.")

    def prune(self, groups: Numbers, labels: Labels, found: LabelErrors | None = None) -> Pruned:
        """Return which samples stay, with the labels that they have."""
        held = components(groups, labels)
        apart = spread(held, self.measure)
        bar = float(np.percentile(apart, self.threshold)) if self.percentile and len(apart) else self.threshold
        stays = np.append(apart <= bar, self.singletons)  # the last is looked up by -1
        return Pruned(stays[held.of] | ~is_known(np.asarray(labels)), np.asarray(labels))

"""Leave out the labels that a detector of label errors flags, or give them the label that it suggests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval

from poolwise.core.errors import InvalidArray
from poolwise.core.ranges import Checked
from poolwise.core.types import Labels, Need
from poolwise.quality.label_error.label_errors import LabelErrors
from poolwise.quality.pruning.counts import Numbers
from poolwise.quality.pruning.pruned import Pruned


@dataclass(frozen=True)
class ByLabelErrors(Checked):
    """Flag the head of a detector's list, and leave it out.

    Attributes:
        share: of all labels that is flagged, in [0, 1); None: as many as the detector counts.
    """

    share: Annotated[float, Interval(ge=0, lt=1)] | None = None

    needs: ClassVar[Need] = Need.PROBS | Need.GROUPS

    def prune(self, groups: Numbers, labels: Labels, found: LabelErrors | None = None) -> Pruned:
        """Return which samples stay, and what the flagged ones probably are.

        Args:
            groups: (N,), not looked at: the detector did.
            labels: (N,) or (N, C) given ones.
            found: of these N labels, the ranking whole.

        Raises:
            InvalidArray: nothing found to go by, or of another number of labels.

        >>> found = LabelErrors(np.array([2, 0, 1]), np.array([.5, .9, .1]), np.array([0, 1, 0]), np.array([.9, .8, .9]),
        ...                     1.2, (0.0, 2.0), {}, np.array([0.7, 1.0, 1.2]), "auto")
        >>> pruned = ByLabelErrors().prune(np.array([-1, -1, -1]), np.array([0, 1, 1]), found)
        >>> pruned.keep.tolist(), pruned.suggested.tolist()
        ([True, True, False], [0, 1, 0])
        """
        labels = np.asarray(labels)
        if found is None or len(found.ranking) != len(labels):
            got = "nothing" if found is None else str(len(found.ranking))
            raise InvalidArray(f"what a detector found must rank all {len(labels)} labels; got {got}.")
        count = round(found.count) if self.share is None else round(self.share * len(labels))
        flagged = found.ranking[: min(count, len(labels))]
        keep = np.ones(len(labels), dtype=np.bool_)
        keep[flagged] = False
        suggested = labels.copy()
        suggested[flagged] = found.suggested[flagged]
        return Pruned(keep, labels, suggested)

"""Candidates that a batch leaves out, for what reason, and which come back first where too few are left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, PoolView
from poolwise.geometry.density import typicality
from poolwise.geometry.neighbours import ROUNDING, most_alike
from poolwise.query.strategy import best, required

FREE, THINNED, OUTLIER, DUPLICATE, WEIGHTLESS = range(5)
"""Reasons to leave a candidate out, from none to the strongest."""
NAMES = {
    THINNED: "thinned out by weight or cost",
    OUTLIER: "outliers",
    DUPLICATE: "duplicates of labelled samples",
    WEIGHTLESS: "of weight 0",
}


@dataclass(frozen=True, eq=False)
class Exclusions:
    """Reasons to leave out n rows of a view.

    Attributes:
        rows: (n,) rows looked at, ascending.
        level: (n,) FREE or the strongest reason.
        rank: (n,) within a level the lowest comes back first.
        ties: (n,) distinct numbers; of equal ranks the lowest of these comes back first.
        twins: (n,) id of the most similar labelled sample; empty where duplicates are not looked for.
        unseen: how many candidates of the view were not looked at.
    """

    rows: NDArray[np.int64]
    level: NDArray[np.int8]
    rank: NDArray[np.float64]
    ties: NDArray[np.int64]
    twins: NDArray[np.int64]
    unseen: int

    @property
    def free(self) -> NDArray[np.int64]:
        """Rows without a reason, ascending."""
        return np.asarray(self.rows[self.level == FREE])

    def eligible(self, size: int) -> NDArray[np.int64]:
        """Return all free rows, ascending; where they are fewer than `size`, as many more as it takes."""
        if len(self.free) >= size:
            return self.free
        return np.sort(self.rows[np.lexsort((self.ties, self.rank, self.level))[:size]])

    def reasons(self, rows: NDArray[np.int64]) -> list[str]:
        """Return why each of some rows would be left out; "" where there is no reason."""
        return [self._reason(int(place)) for place in np.searchsorted(self.rows, rows)]

    def summary(self, size: int) -> str:
        """Return how many are left out of a batch of `size`, by reason; "" where none is."""
        count = len(self.rows) - len(self.eligible(size))
        levels = np.sort(self.level)[::-1][:count]
        parts = [f"{number} {NAMES[level]}" for level in NAMES if (number := int((levels == level).sum()))]
        return ", ".join([*parts, *([f"{self.unseen} not looked at"] if self.unseen else [])])

    def _reason(self, place: int) -> str:
        level = int(self.level[place])
        if level == DUPLICATE:
            return f"a duplicate of labelled sample {self.twins[place]} (similarity {self.rank[place]:.3f})"
        return "an outlier" if level == OUTLIER else NAMES.get(level, "")


def find_exclusions(
    view: PoolView,
    rows: NDArray[np.int64],
    lot: NDArray[np.float64],
    duplicates: float | None,
    outliers: float,
    rng: np.random.Generator,
) -> Exclusions:
    """Find which of some candidates to leave out.

    Args:
        view: checked.
        rows: (n,) those to look at, ascending.
        lot: (N,) below 1 for those that may stay, infinite for those of weight 0.
        duplicates: cosine with a labelled sample from which a candidate is its duplicate, or None.
        outliers: share of the rows that is left out for low typicality; rounded down.
        rng: breaks ties.
    """
    level = np.where(lot[rows] < 1, FREE, THINNED).astype(np.int8)
    rank = lot[rows].astype(np.float64)
    twins = np.empty(0, dtype=np.int64)
    if outliers:
        typical = typicality(_embeddings(view, rows))
        odd = best(-typical, int(outliers * len(rows)), rng)
        level[odd], rank[odd] = OUTLIER, -typical[odd]
    if duplicates is not None and view.labelled_embeddings is not None:
        which, cosine = most_alike(_embeddings(view, rows), view.labelled_embeddings)
        twins, close = view.labelled_ids[which], cosine >= duplicates - ROUNDING
        level[close], rank[close] = DUPLICATE, cosine[close]
    weightless = np.isinf(lot[rows])
    level[weightless], rank[weightless] = WEIGHTLESS, 0
    return Exclusions(rows, level, rank, rng.permutation(len(rows)), twins, len(view) - len(rows))


def _embeddings(view: PoolView, rows: NDArray[np.int64]) -> Floats:
    points = required(view.embeddings)
    return points if len(rows) == len(points) else points[rows]

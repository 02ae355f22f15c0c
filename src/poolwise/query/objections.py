"""What speaks against candidates, and which of them comes back first where too few are left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, PoolView
from poolwise.geometry.density import typicality
from poolwise.geometry.neighbours import ROUNDING, most_alike
from poolwise.query.strategy import best, required

FREE, THINNED, OUTLIER, DUPLICATE, WEIGHTLESS = range(5)
"""From nothing to say against a candidate to the gravest objection."""
WORDS = {
    THINNED: "thinned out by weight or cost",
    OUTLIER: "outliers",
    DUPLICATE: "duplicates of labelled samples",
    WEIGHTLESS: "of weight 0",
}


@dataclass(frozen=True, eq=False)
class Objections:
    """What speaks against n rows of a view.

    Attributes:
        rows: (n,) rows looked at, ascending.
        level: (n,) FREE or the gravest objection.
        rank: (n,) within a level the lowest comes back first.
        ties: (n,) distinct numbers; of equal ranks the lowest of these comes back first.
        twins: (n,) id of the most similar labelled sample; empty where nobody asked.
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
        """Rows with nothing against them, ascending."""
        return np.asarray(self.rows[self.level == FREE])

    def best(self, size: int) -> NDArray[np.int64]:
        """All free rows, ascending; where they are fewer than `size`, as many more as it takes."""
        if len(self.free) >= size:
            return self.free
        return np.sort(self.rows[np.lexsort((self.ties, self.rank, self.level))[:size]])

    def against(self, rows: NDArray[np.int64]) -> list[str]:
        """What speaks against some of the rows looked at, in words; "" for nothing."""
        return [self._words(int(at)) for at in np.searchsorted(self.rows, rows)]

    def summary(self, size: int) -> str:
        """How many were left out for what, where `size` were asked for; "" where none was."""
        left = len(self.rows) - len(self.best(size))
        worst_first = np.sort(self.level)[::-1][:left]
        told = [f"{count} {WORDS[level]}" for level in WORDS if (count := int((worst_first == level).sum()))]
        return ", ".join([*told, *([f"{self.unseen} not looked at"] if self.unseen else [])])

    def _words(self, at: int) -> str:
        level = int(self.level[at])
        if level == DUPLICATE:
            return f"a duplicate of labelled sample {self.twins[at]} (similarity {self.rank[at]:.3f})"
        return {FREE: "", THINNED: WORDS[THINNED], OUTLIER: "an outlier", WEIGHTLESS: WORDS[WEIGHTLESS]}[level]


def objections(
    view: PoolView,
    rows: NDArray[np.int64],
    lot: NDArray[np.float64],
    duplicates: float | None,
    outliers: float,
    rng: np.random.Generator,
) -> Objections:
    """Look at some candidates.

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
    return Objections(rows, level, rank, rng.permutation(len(rows)), twins, len(view) - len(rows))


def _embeddings(view: PoolView, rows: NDArray[np.int64]) -> Floats:
    points = required(view.embeddings)
    return points if len(rows) == len(points) else points[rows]

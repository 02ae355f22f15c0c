"""ProbCover: the samples in whose neighbourhood most others lie (Yehuda et al. 2022, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from poolwise.core.ranges import Count, Positive
from poolwise.core.types import Floats, Need, PoolView
from poolwise.geometry.balls import cover, pure_radius
from poolwise.geometry.neighbours import nearest, unit_rows
from poolwise.query.strategy import Picks, Strategy, required

SHRINKINGS = 8
"""How often the radius is halved where everything is covered, before the rest is drawn at random."""
MOST = 70_000
"""Rows looked at at most: which ball holds which row then takes 0.6 GB."""
COPIES = 1e-3
"""Relative to the length of rows: what is nearer is a copy, and rounding its distance."""


@dataclass(frozen=True)
class ProbCover(Strategy):
    """Greedy maximum coverage by balls of one radius; labelled samples cover from the beginning.

    For few labels. The paper stops being defined where all is covered: here the radius is halved until something is
    open again, up to 8 times, and then the rest is drawn at random.

    Attributes:
        radius: of the balls, in the units of the (scaled) embeddings; None: the largest one that is pure enough.
        purity: share of balls that must hold one pseudo-label only (the paper: 0.95). Used where `radius` is None.
        classes: clusters that serve as pseudo-labels where neither probabilities nor labels tell the number of classes.
        sample: most rows looked at. From a larger pool a random subset of that size stands for it, and at least twice
            the size of the query; at most 70,000. Of a query larger than that the rest is drawn at random.
        unit_length: scale embeddings to length 1 first, as the paper's code does.
    """

    radius: Positive | None = None
    purity: Annotated[float, Interval(gt=0, le=1)] = 0.95
    classes: Count = 10
    sample: Annotated[int, Interval(ge=1, le=MOST)] = 20_000
    unit_length: bool = True

    needs: ClassVar[Need] = Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is a share of the pool newly covered."""
        # in a random order, so that the first of equals is a fair draw
        order = rng.permutation(len(view))
        sample, beyond = np.split(order, [min(max(self.sample, 2 * size), MOST)])
        points, labelled = required(view.embeddings)[sample], view.labelled_embeddings
        if self.unit_length:
            points, labelled = unit_rows(points), None if labelled is None else unit_rows(labelled)
        radius = self.radius or pure_radius(points, self._classes(view), self.purity, rng)
        rows, counts, radii = _cover_all(points, labelled, radius, min(size, len(sample)))
        beyond = beyond[: size - len(rows)]
        sentences = [
            f"{count} of {len(sample)} samples lie within {reach:.3g} and have no labelled or picked one as near"
            if count
            else "drawn at random: every sample is near a labelled or picked one"
            for count, reach in zip(counts, radii, strict=True)
        ]
        sentences += [f"drawn at random: the query is larger than the {len(sample)} samples looked at"] * len(beyond)
        counts, radii = np.pad(counts, (0, len(beyond))), np.pad(radii, (0, len(beyond)), mode="edge")
        every = np.concatenate([sample[rows], beyond])
        return Picks(every, counts / len(sample), sentences, {"newly_covered": counts, "radius": radii})

    def _classes(self, view: PoolView) -> int:
        if view.probs is not None:
            return int(view.probs.shape[1])
        if view.labels is None or not view.labels.size:
            return self.classes
        return int(view.labels.shape[1] if view.labels.ndim == 2 else view.labels.max() + 1)


def _cover_all(
    points: Floats, labelled: Floats | None, radius: float, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return (size,) distinct rows, how many rows each covers anew (0: drawn at random), and the radii."""
    least = COPIES * float(np.sqrt(np.einsum("nd,nd->n", points, points).max()))
    gaps = np.full(len(points), np.inf) if labelled is None else nearest(points, labelled)[1]
    covers: list[tuple[NDArray[np.int64], NDArray[np.int64], float]] = []
    taken = np.zeros(len(points), dtype=np.bool_)
    smallest = max(least, radius / 2**SHRINKINGS)
    radius = max(radius, least)
    while taken.sum() < size and gaps.max() >= smallest:
        while (gaps < radius).all():
            radius /= 2
        rows, counts = cover(points, radius, size - int(taken.sum()), gaps >= radius, np.flatnonzero(taken))
        taken[rows] = True
        covers.append((rows, counts, radius))
        if taken.sum() < size:
            gaps = np.minimum(gaps, nearest(points, points[rows])[1])
            gaps[taken] = 0
    extra = np.flatnonzero(~taken)[: size - int(taken.sum())]
    covers.append((extra, np.zeros(len(extra), dtype=np.int64), radius))
    radii = np.concatenate([np.full(len(rows), reach) for rows, _, reach in covers])
    covered = np.concatenate([counts for _, counts, _ in covers])
    return np.concatenate([rows for rows, _, _ in covers]), covered, radii

"""DropQuery: samples whose prediction does not survive dropout, spread over clusters (Gupte et al. 2024, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from poolwise.core.ranges import Count, Factor
from poolwise.core.types import Need, PoolView, Task
from poolwise.geometry.kmeans import one_a_cluster
from poolwise.query.acquisition.dropout import disagreement
from poolwise.query.strategy import Picks, Strategy, required


@dataclass(frozen=True)
class DropQuery(Strategy):
    """Candidates are those whose class changes in more than half of the dropout passes; of them, one a cluster.

    Dropout is on the input features of the last layer, each row with a mask of its own in each pass (what the authors'
    code does, by torch's dropout layer). As in their code, the threshold is lowered by one pass at a time until there
    are `enough` candidates a pick, down to a single changed pass; too few even then are topped up at random. With
    nothing labelled yet the last layer knows nothing, and all samples are candidates, as in the authors' first batch.

    Attributes:
        passes: M, how many.
        share: of features dropped in a pass.
        enough: candidates a pick below which the threshold is lowered.
        iterations: Lloyd steps.
    """

    passes: Count = 3
    share: Annotated[float, Interval(gt=0, lt=1)] = 0.75
    enough: Factor = 25.0
    iterations: Count = 10

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS | Need.HEAD
    tasks: ClassVar[tuple[Task, ...]] = (Task.MULTICLASS,)

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is the share of changed passes."""
        changed = self._changed(view, rng)
        candidates = np.flatnonzero(changed >= least_changed(changed, self.passes, self.enough * size))
        if not len(view.labelled_ids):
            candidates = np.arange(len(view))
        rows, members = one_a_cluster(required(view.embeddings), candidates, size, rng, self.iterations)
        extra = rng.permutation(np.setdiff1d(np.arange(len(view)), rows))[: size - len(rows)]
        sentences = self._sentences(view, changed[rows], members, len(candidates))
        sentences += ["drawn at random: fewer distinct candidates than picks"] * len(extra)
        every = np.concatenate([rows, extra])
        return Picks(every, changed[every] / self.passes, sentences, {"changed_passes": changed[every]})

    def _changed(self, view: PoolView, rng: np.random.Generator) -> NDArray[np.int64]:
        predicted = required(view.probs).argmax(axis=1).astype(np.int64)
        return disagreement(required(view.embeddings), required(view.head), predicted, self.passes, self.share, rng)

    def _sentences(
        self, view: PoolView, changed: NDArray[np.int64], members: NDArray[np.int64], candidates: int
    ) -> list[str]:
        if not len(view.labelled_ids):
            return [f"nearest the centre of a cluster of {count}: nothing is labelled yet" for count in members]
        return [
            f"class changed in {times} of {self.passes} dropout passes, from a cluster of {count} among "
            f"{candidates} such candidates"
            for times, count in zip(changed, members, strict=True)
        ]


def least_changed(changed: NDArray[np.int64], passes: int, enough: float) -> int:
    """Return the changed passes, at most more than half, from which on there are enough candidates; at least 1.

    >>> least_changed(np.array([3, 2, 1, 1, 0]), 3, 2), least_changed(np.array([3, 2, 1, 1, 0]), 3, 3)
    (2, 1)
    """
    least = passes // 2 + 1
    while least > 1 and (changed >= least).sum() < enough:
        least -= 1
    return least

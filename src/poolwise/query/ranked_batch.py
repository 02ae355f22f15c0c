"""Ranked batch: first what is far from all labelled samples, later what is uncertain (Cardoso et al. 2017, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.types import Floats, Need, PoolView
from poolwise.geometry.greedy import Spread, joined
from poolwise.geometry.neighbours import blocks, squared_lengths
from poolwise.query.acquisition.uncertainty import Measure, uncertainty
from poolwise.query.strategy import Picks, Strategy, located, required


@dataclass(frozen=True)
class RankedBatch(Strategy):
    """Score = a (1 - s) + (1 - a) u, recomputed after each pick.

    u is the uncertainty, s = 1 / (1 + distance to the nearest labelled or picked sample), and a = |U| / (|U| + |L|), the
    share of what is not labelled or picked yet. As `modAL.batch` has it; the picks equal those of modAL. With nothing
    labelled yet the first pick is the sample nearest the mean of all (modAL takes the one with the smallest mean
    distance, which needs all pairs, and may take it twice).

    Attributes:
        measure: of uncertainty; modAL's is least confidence.
        unit_length: scale embeddings to length 1 first, so that distance means angle.
    """

    measure: Measure = Measure.LEAST_CONFIDENCE
    unit_length: bool = False

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        unsure = uncertainty(required(view.probs), self.measure, view.task)
        points, centres = located(view, self.unit_length)
        count, known, done = len(points), 0 if centres is None else len(centres), 0

        def score(gaps: Floats) -> Floats:
            share = np.float32((count - done) / (count + known))
            return share * (1 - 1 / (1 + gaps)) + (1 - share) * unsure

        def picked(_: int) -> None:
            nonlocal done
            done += 1

        spread = Spread(points, centres)
        first = spread.pick(0 if known else 1, lambda _: nearness_to_mean(points), picked, rng)
        rows, scores, gaps = joined(first, spread.pick(size - len(first[0]), score, picked, rng, floor=-np.inf))
        pairs = zip(unsure[rows], gaps, strict=True)
        sentences = [
            f"{self.measure.value} score {u:.2f}, {gap:.3g} from every labelled or picked one" for u, gap in pairs
        ]
        if not known:
            sentences[0] = "nearest the mean of the pool, to begin with: nothing is labelled yet"
            gaps[0] = gaps[1] if size > 1 else 0
        return Picks(rows, scores, sentences, {"uncertainty": unsure[rows], "gap": gaps})


def nearness_to_mean(points: Floats) -> Floats:
    """Return (N,) minus the squared distance to the mean of all rows.

    >>> nearness_to_mean(np.array([[0.0], [4.0]])).tolist()
    [-4.0, -4.0]
    """
    mean = points.mean(axis=0, dtype=np.float64).astype(points.dtype)
    nearness = np.empty(len(points), dtype=np.float32)
    for rows in blocks(len(points), points.shape[1]):
        nearness[rows] = -squared_lengths(points[rows] - mean)
    return nearness

"""BADGE: uncertain and diverse at once, by the gradients that samples would cause (Ash et al. 2020, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.types import Need, PoolView
from poolwise.geometry.gradients import Gradients
from poolwise.geometry.kmeans import spread_out
from poolwise.query.strategy import Picks, Strategy, best, required


@dataclass(frozen=True)
class Badge(Strategy):
    """k-means++ seeding in the space of last-layer gradients, beginning with the longest one.

    Long gradients come from uncertain samples; distance keeps a batch from holding copies. No tuning. The origin is
    never a centre and no sample is drawn twice.
    """

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is a distance."""
        gradients = Gradients.of(required(view.probs), required(view.embeddings), view.task)
        first = int(best(gradients.squared, 1, rng)[0])
        rows, far = spread_out(gradients.squared_distances, len(gradients), first, size, rng)
        far[0] = np.sqrt(gradients.squared[first])
        sentences = [f"gradient {distance:.3g} away from that of every earlier pick" for distance in far]
        sentences[0] = f"longest gradient of all: {far[0]:.3g}"
        return Picks(rows, far, sentences)

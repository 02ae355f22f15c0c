"""Cover the pool: every sample should have a labelled one near it (Sener and Savarese 2018, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.types import Need, PoolView
from poolwise.geometry.k_center import farthest_first
from poolwise.query.strategy import Picks, Strategy, located


@dataclass(frozen=True)
class CoreSet(Strategy):
    """k-centre greedy: again and again the candidate farthest from all labelled and picked ones.

    Exact greedy; the robust variant with outliers (mixed-integer program) is not built. With nothing labelled yet the
    first pick is random.

    Attributes:
        unit_length: scale embeddings to length 1 first, so that distance means angle.
    """

    unit_length: bool = False

    needs: ClassVar[Need] = Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is a distance."""
        points, centres = located(view, self.unit_length)
        rows, far = farthest_first(points, size, rng, centres)
        sentences = [f"{distance:.3g} away from every labelled or earlier picked sample" for distance in far]
        if centres is None:
            sentences[0] = "drawn at random to begin with: nothing is labelled yet"
        return Picks(rows, far, sentences)

"""Chance: the control that every other strategy is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.types import Need, PoolView, Query
from poolwise.query.picks import Picks, answer


@dataclass(frozen=True)
class Random:
    """Every candidate is equally likely."""

    needs: ClassVar[Need] = Need.NOTHING

    def select(self, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Exactly `size` distinct ids of the view, all scores 0. Raises PoolExhausted, InvalidArray."""
        return answer(_pick, self.needs, view, size, rng)


def _pick(view: PoolView, size: int, rng: np.random.Generator) -> Picks:
    rows = rng.permutation(len(view))[:size]
    return Picks(rows, np.zeros(size), [f"drawn at random from {len(view)} candidates"] * size)

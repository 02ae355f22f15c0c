"""Chance: the control that every other strategy is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.types import Need, PoolView
from poolwise.query.strategy import Picks, Strategy


@dataclass(frozen=True)
class Random(Strategy):
    """Every candidate is equally likely."""

    needs: ClassVar[Need] = Need.NOTHING

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows at random; all scores are 0."""
        rows = rng.permutation(len(view))[:size]
        return Picks(rows, np.zeros(size), [f"drawn at random from {len(view)} candidates"] * size)

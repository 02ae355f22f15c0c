"""Chance within classes: equal shares of what the model predicts, so that rare classes are not missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.types import Need, PoolView
from poolwise.query.strategy import Picks, Strategy, in_turn, required


@dataclass(frozen=True)
class Stratified(Strategy):
    """Random samples, equally many of each predicted class; a class that runs out leaves its share to the others.

    Shares differ by one where they do not divide evenly; which classes get one more is random. In a multi-label task a
    sample counts for its most probable label.
    """

    needs: ClassVar[Need] = Need.PROBS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows at random; all scores are 0."""
        predicted = required(view.probs).argmax(axis=1).astype(np.int64)
        classes = rng.permutation(np.unique(predicted))
        rows = in_turn(predicted, classes, size, rng)
        counts = np.bincount(predicted)
        sentences = [f"drawn at random from {counts[n]} candidates predicted as class {n}" for n in predicted[rows]]
        return Picks(rows, np.zeros(size), sentences)

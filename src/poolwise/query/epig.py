"""Samples whose labels carry most information about the labels of others: EPIG (Bickford Smith et al. 2023).

BALD measures information about the model, and an outlier that bears on nothing else may have much of it; EPIG measures
information about predictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.core.ranges import Count
from poolwise.core.types import Need, PoolView, Task
from poolwise.query.acquisition.predictive_gain import predictive_gain
from poolwise.query.strategy import Picks, Strategy, best, required


@dataclass(frozen=True)
class Epig(Strategy):
    """Expected predictive information gain over a random part of the pool.

    The draws must share their masks: draw k is one model for all rows. Cost: N * targets * C^2.

    Attributes:
        targets: candidates drawn as the samples to be predicted; all where there are fewer.
    """

    targets: Count = 200

    needs: ClassVar[Need] = Need.DRAWS
    tasks: ClassVar[tuple[Task, ...]] = (Task.MULTICLASS,)

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        draws = required(view.log_probs_nkc)
        targets = rng.choice(len(view), size=min(self.targets, len(view)), replace=False)
        scores = predictive_gain(draws, draws[targets])
        rows = best(scores, size, rng)
        unit = f"nats about the label of another sample, as the mean over {len(targets)} of them"
        return Picks(rows, scores[rows], [f"its label carries {score:.3g} {unit}" for score in scores[rows]])

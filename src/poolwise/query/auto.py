"""The house default: coverage while little is known, uncertain clusters once uncertainty has proved itself.

Two ways to choose a batch, and the answers received decide in every round which is taken.

- Greedy herding (Bae et al. 2024), each pool sample counting by its margin, as in uncertainty herding (Bae et al. 2025): a
  pick is worth the uncertainty that it covers. Before the first label, and where the model is sure of everything, there
  is no uncertainty to cover: plain coverage.
- Weighted k-means among the most uncertain (Zhdanov 2019), one pick a cluster, once margins are trusted.

Margins are trusted when they have told errors from hits: what the model said of each sample before its label came is
compared with the label, and the margin has to have done better than chance; see `acquisition.trust`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np

from poolwise.core.ranges import Count
from poolwise.core.types import Floats, Need, PoolView
from poolwise.geometry.herding import herd
from poolwise.query.acquisition.confidence import margin
from poolwise.query.acquisition.trust import trustworthy
from poolwise.query.acquisition.uncertainty import Measure
from poolwise.query.strategy import Picks, Strategy, required
from poolwise.query.weighted_k_means import uncertain_clusters

WIDTH = 1.0
"""Of the kernel, in units of the length of an embedding, as in the experiments of Bae et al. (2024)."""
CANDIDATES = 10.0
"""Uncertain candidates a cluster, as in Zhdanov (2019)."""
ITERATIONS = 10


class Mode(str, Enum):
    """What a round is chosen by: coverage alone, coverage of uncertainty, or clusters of the uncertain."""

    COVERAGE = "coverage"
    HERDING = "herding"
    CLUSTERS = "clusters"


@dataclass(frozen=True)
class Auto(Strategy):
    """Herding weighted by uncertainty, then clusters of the uncertain, as the answers bear it out.

    Attributes:
        sample: while herding, a random subset of this many (at least twice the query) stands for a larger pool.
    """

    sample: Count = 20_000

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """A score is the uncertainty covered, or the margin."""
        unsure, points = margin(required(view.probs), view.task), required(view.embeddings)
        mode, why = _mode(view, unsure)
        if mode is Mode.CLUSTERS:
            picks = uncertain_clusters(points, unsure, size, rng, CANDIDATES, ITERATIONS, Measure.MARGIN)
            sentences = list(picks.sentences)
        else:
            weights = None if mode is Mode.COVERAGE else unsure
            rows, gains = herd(
                points, size, rng, weights=weights, covered_by=view.labelled_embeddings, sigma=WIDTH, sample=self.sample
            )
            picks = Picks(rows, gains, [])
            shares = 100 * gains / max(float(gains.sum()), np.finfo(np.float64).tiny)
            sentences = [
                f"{share:.1f} % of what the batch covers, margin {1 - own:.2f}"
                for share, own in zip(shares, unsure[rows], strict=True)
            ]
        return Picks(
            picks.rows,
            picks.scores,
            [f"{sentence}; {why}" for sentence in sentences],
            {"mode": np.array([mode.value] * size), **picks.columns},
        )


def _mode(view: PoolView, unsure: Floats) -> tuple[Mode, str]:
    """What is done this round, and why."""
    if view.labelled_embeddings is None:
        return Mode.COVERAGE, "plain coverage, as nothing is labelled yet"
    if not unsure.any():
        return Mode.COVERAGE, "plain coverage, as the model is sure of every sample"
    trusted, told = trustworthy(view.forecasts, view.labels, view.task)
    if not told:
        return Mode.HERDING, "uncertainty is covered, as there is no forecast yet to judge margins by"
    if trusted:
        return Mode.CLUSTERS, f"margins have told errors from hits in {told} answers"
    return Mode.HERDING, f"uncertainty is covered, as margins have not clearly told errors from hits in {told} answers"

"""The default: coverage while little is known, uncertain clusters once uncertainty has proved itself.

Two ways to choose a batch, and the answers received decide in every round which is taken.

- Greedy herding (Bae et al. 2024), each pool sample counting by its margin, as in uncertainty herding (Bae et al. 2025): a
  pick is worth the uncertainty that it covers. Before the first label, and where the model is sure of everything, there
  is no uncertainty to cover: plain coverage.
- Weighted k-means among the most uncertain (Zhdanov 2019), one pick a cluster, once margins are trusted.

Margins are trusted when they separate errors from hits better than chance: what the model forecast of each sample is
compared with the label that came later; see `trustworthy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import Count
from poolwise.core.types import Floats, Labels, Need, PoolView, Task
from poolwise.geometry.herding import herd
from poolwise.query.acquisition.confidence import margin
from poolwise.query.acquisition.uncertainty import Measure
from poolwise.query.strategy import Picks, Strategy, checked_forecasts, required
from poolwise.query.weighted_k_means import uncertain_clusters

CERTAIN = 2.0
"""Standard errors by which the area must exceed one half, as in a test at 2.5 %."""


def auroc(scores: NDArray[np.float32], errors: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the area under the ROC curve of scores for errors, and its standard error if scores say nothing.

    The area is the chance that a random error scores higher than a random hit, ties counting half (Hanley and McNeil
    1982); the standard error is that of the Mann-Whitney statistic under the null hypothesis.

    Args:
        scores: (n,) higher for what is likelier to be wrong.
        errors: (n,) whether it was.

    Returns:
        (0.5, inf) where there are only errors, only hits, or nothing.

    >>> auroc(np.array([0.9, 0.8, 0.1, 0.2]), np.array([True, True, False, False]))[0]
    1.0
    """
    from scipy.stats import rankdata

    wrong = int(errors.sum())
    right = len(errors) - wrong
    if not wrong or not right:
        return 0.5, float("inf")
    above = rankdata(scores)[errors].sum() - wrong * (wrong + 1) / 2
    return float(above / (wrong * right)), float(np.sqrt((wrong + right + 1) / (12 * wrong * right)))


def trustworthy(forecasts: Floats | None, labels: Labels | None, task: Task = Task.MULTICLASS) -> tuple[bool, int]:
    """Return whether the margin separates errors from hits better than chance: by more than 2 standard errors.

    Args:
        forecasts: (L, C) predicted before the label was known; rows of NaN where nothing was. None: nothing was.
        labels: the answers.
        task: in a multi-label task an error is any label on the wrong side of 1/2.

    Returns:
        Whether, and how many forecasts that rests on.

    >>> trustworthy(None, None)
    (False, 0)
    """
    probs, truth = checked_forecasts(forecasts, labels)
    if not len(probs):
        return False, 0
    wrong = ((probs > 0.5) != (truth == 1)).any(axis=1) if task is Task.MULTILABEL else probs.argmax(axis=1) != truth
    area, error = auroc(margin(probs, task), wrong)
    return area - 0.5 > CERTAIN * error, len(probs)


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
        """Pick rows; a score is the uncertainty covered, or the margin."""
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
    """Return the mode of this round, and why."""
    if view.labelled_embeddings is None:
        return Mode.COVERAGE, "plain coverage, as nothing is labelled yet"
    if not unsure.any():
        return Mode.COVERAGE, "plain coverage, as the model is sure of every sample"
    trusted, count = trustworthy(view.forecasts, view.labels, view.task)
    if not count:
        return Mode.HERDING, "uncertainty is covered, as no margin could be checked against a label yet"
    if trusted:
        return Mode.CLUSTERS, f"margins separate errors from hits in {count} answers"
    return (
        Mode.HERDING,
        f"uncertainty is covered, as margins do not clearly separate errors from hits in {count} answers",
    )

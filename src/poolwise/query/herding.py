"""MaxHerding (Bae et al. 2024) and Uncertainty Herding (Bae et al. 2025): samples that stand for many others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import Count, Positive
from poolwise.core.types import Floats, Need, PoolView
from poolwise.geometry.herding import herd
from poolwise.geometry.kernel_width import kernel_width
from poolwise.query.acquisition.temperature import rescaled, temperature
from poolwise.query.acquisition.uncertainty import Measure, uncertainty
from poolwise.query.strategy import Picks, Strategy, checked_forecasts, required

FORECASTS = 20
"""Fewer forecasts than this say nothing of calibration."""


@dataclass(frozen=True)
class MaxHerding(Strategy):
    """Greedy coverage of the pool by a Gaussian kernel on embeddings of length 1; labelled samples cover already.

    For few labels, and for none.

    Attributes:
        sigma: width of the kernel; the paper uses 1. None: 1 until two samples are labelled, then the least distance
            between labelled ones (the rule of Uncertainty Herding).
        sample: a random subset of this many (at least twice the query) stands for a larger pool.
    """

    sigma: Positive | None = 1.0
    sample: Count = 20_000

    needs: ClassVar[Need] = Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is mean coverage gained."""
        sigma = kernel_width(view.labelled_embeddings, rng) if self.sigma is None else self.sigma
        return _herded(view, size, rng, sigma, self.sample)


@dataclass(frozen=True)
class UHerding(Strategy):
    """Greedy coverage of what the model is unsure of: herding, in which a sample counts by its uncertainty.

    With few labels it covers the pool, with many it takes the most uncertain ones, as the kernel narrows. Uncertainty
    is taken at the temperature at which earlier forecasts would have been calibrated; with fewer than 20 forecasts of
    labelled samples at 1. Before the first label every sample counts 1.

    Attributes:
        measure: of uncertainty.
        sigma: width of the kernel. None: 1 until two samples are labelled, then the least distance between labelled
            ones that are no copies (section 4 of the paper).
        sample: a random subset of this many (at least twice the query; the paper: 35,000) stands for a larger pool.
    """

    measure: Measure = Measure.MARGIN
    sigma: Positive | None = None
    sample: Count = 20_000

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is mean uncertainty covered."""
        sigma = kernel_width(view.labelled_embeddings, rng) if self.sigma is None else self.sigma
        if not len(view.labelled_ids):
            return _herded(view, size, rng, sigma, self.sample)
        best_calibrated = forecast_temperature(view)
        unsure = uncertainty(rescaled(required(view.probs), best_calibrated, view.task), self.measure, view.task)
        picks = _herded(view, size, rng, sigma, self.sample, unsure)
        columns = {"uncertainty": unsure[picks.rows], "temperature": np.full(size, best_calibrated)}
        return Picks(picks.rows, picks.scores, picks.sentences, {**picks.columns, **columns})


def forecast_temperature(view: PoolView) -> float:
    """Return the temperature at which forecasts of labelled samples are calibrated; 1 where there are too few.

    The samples were chosen by strategies, often for being hard, so the model may seem surer than it is elsewhere.
    """
    forecasts, labels = checked_forecasts(view.forecasts, view.labels)
    positive = forecasts.sum(axis=1) > 0
    return temperature(forecasts[positive], labels[positive], view.task) if positive.sum() >= FORECASTS else 1.0


def _herded(
    view: PoolView,
    size: int,
    rng: np.random.Generator,
    sigma: float,
    sample: int,
    weights: Floats | None = None,
) -> Picks:
    if weights is not None and not weights.any():
        weights = None  # where the model is sure of everything, all count alike
    rows, gains = herd(
        required(view.embeddings),
        size,
        rng,
        weights=weights,
        covered_by=view.labelled_embeddings,
        sigma=sigma,
        sample=sample,
    )
    sentences = _sentences(gains, None if weights is None else weights[rows])
    return Picks(rows, gains, sentences, {"coverage_gain": gains, "sigma": np.full(size, sigma)})


def _sentences(gains: NDArray[np.float64], unsure: Floats | None) -> Sequence[str]:
    if unsure is None:
        return [f"stands for the pool: adds {gain:.2g} to its mean coverage" for gain in gains]
    return [
        f"stands for uncertain samples: adds {gain:.2g} to their mean coverage, uncertainty {one:.2f} itself"
        for gain, one in zip(gains, unsure, strict=True)
    ]

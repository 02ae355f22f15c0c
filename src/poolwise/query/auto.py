"""The house default: coverage while little is known, uncertainty spread over the pool as it proves itself.

Greedy herding (Bae et al. 2024) with each pool sample counting by its margin, as in uncertainty herding (Bae et al. 2025):
a pick is worth the uncertainty that it covers. Two things are taken from the data in every round.

- How far uncertainty is trusted: what the model said of each sample before its label came is compared with the label.
  Trust is the share of the margin's lead over chance, at telling errors from hits, that is more than noise.
- The scale, up to which a pick speaks for its surroundings: with no trust the median distance of labelled samples to
  their nearest labelled one; with full trust the 5 % quantile of those distances (the paper: the least); in between on a
  log scale. The narrower it is, the more a pick counts for itself alone.

Before the first label, and where the model is sure of everything, there is no uncertainty to cover: plain coverage.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np

from poolwise.acquisition.confidence import margin
from poolwise.acquisition.trust import trust
from poolwise.errors import ConfigError
from poolwise.geometry.apart import nearest_others
from poolwise.geometry.herding import herd
from poolwise.query.picks import Picks, answer, required
from poolwise.types import Floats, Need, PoolView, Query

START = 1.0
"""Scale before there are two labelled samples, in units of the length of an embedding (Bae et al. 2025, section 4)."""
COMPARED = 4000
"""Labelled samples that the scales are measured on at most."""
NEAR = 0.05
"""Quantile of those distances that the scale narrows to. The least one is a matter of a single pair of near-copies, and
each such pair that is picked brings it down further."""


class Mode(str, Enum):
    """What a round is chosen by: coverage alone, uncertainty over wide surroundings, or over narrow ones."""

    COVERAGE = "coverage"
    WIDE = "wide"
    NARROW = "narrow"


@dataclass(frozen=True)
class Auto:
    """Uncertainty-weighted herding whose scale follows from the labels and from how right the model has been.

    Attributes:
        sample: a random subset of this many (at least twice the query) stands for a larger pool.
    """

    sample: int = 20_000

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS

    def __post_init__(self) -> None:
        if self.sample < 1:
            raise ConfigError(f"auto: sample must be at least 1; got {self.sample}.")

    def select(self, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Exactly `size` distinct ids; a score is the uncertainty covered. Raises PoolExhausted, InvalidArray."""
        return answer(self._pick, self.needs, view, size, rng)

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        unsure = margin(required(view.probs), view.task)
        plan = _plan(view, unsure, rng)
        rows, gains = herd(
            required(view.embeddings),
            size,
            rng,
            weights=None if plan.mode is Mode.COVERAGE else unsure,
            covered_by=view.labelled_embeddings,
            sigma=plan.scale,
            sample=self.sample,
        )
        shares = 100 * gains / max(float(gains.sum()), np.finfo(np.float64).tiny)
        sentences = [
            f"{share:.1f} % of what the batch covers, margin {1 - own:.2f}; {plan.why}"
            for share, own in zip(shares, unsure[rows], strict=True)
        ]
        columns = {"mode": np.array([plan.mode.value] * size), "scale": np.full(size, plan.scale)}
        return Picks(rows, gains, sentences, columns)


@dataclass(frozen=True)
class _Plan:
    """What is done this round, at which scale, and why."""

    mode: Mode
    scale: float
    why: str


def _plan(view: PoolView, unsure: Floats, rng: np.random.Generator) -> _Plan:
    labelled = view.labelled_embeddings
    if labelled is None:
        return _Plan(Mode.COVERAGE, START, "plain coverage, as nothing is labelled yet")
    apart = nearest_others(labelled[np.sort(rng.permutation(len(labelled))[:COMPARED])])
    wide = float(np.median(apart)) if len(apart) else START
    if not unsure.any():
        return _Plan(Mode.COVERAGE, wide, "plain coverage, as the model is sure of every sample")
    trusted, told = trust(view.forecasts, view.labels, view.task)
    if not told:
        return _Plan(Mode.WIDE, wide, "uncertainty covered widely, as there is no forecast yet to judge margins by")
    if not trusted or not len(apart):
        why = f"uncertainty covered widely, as margins have not told errors from hits in {told} answers"
        return _Plan(Mode.WIDE, wide, why)
    scale = wide ** (1 - trusted) * float(np.quantile(apart, NEAR)) ** trusted
    why = f"uncertainty trusted {100 * trusted:.0f} %, by {told} answers"
    return _Plan(Mode.NARROW if trusted > 0.5 else Mode.WIDE, scale, why)

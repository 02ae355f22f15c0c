"""The house default: coverage while little is known, uncertainty spread over the pool as it proves itself.

Greedy herding (Bae et al. 2024) with each pool sample counting by its margin, as in uncertainty herding (Bae et al. 2025):
a pick is worth the uncertainty that it covers. Two things are taken from the data in every round.

- How far uncertainty is trusted: what the model said of each sample before its label came is compared with the label.
  Trust is the share of the margin's lead over chance, at telling errors from hits, that is more than noise.
- The scale, up to which a pick speaks for its surroundings: with no trust the median distance of labelled samples to
  their nearest labelled one; with full trust the least such distance, as in the paper; in between on a log scale. The
  narrower it is, the more a pick counts for itself alone.

Before the first label there is no uncertainty: plain coverage at a scale of 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolwise.acquisition.confidence import margin
from poolwise.acquisition.trust import trust
from poolwise.errors import ConfigError
from poolwise.geometry.apart import nearest_others
from poolwise.geometry.herding import herd
from poolwise.query.picks import Picks, answer, required
from poolwise.types import Need, PoolView, Query

START = 1.0
"""Scale before there are two labelled samples, in units of the length of an embedding (Bae et al. 2025, section 4)."""
COMPARED = 4000
"""Labelled samples that the scales are measured on at most."""


@dataclass(frozen=True)
class Auto:
    """Uncertainty-weighted herding whose scale follows from the labels and from how right the model has been.

    Attributes:
        sample: candidates; picks from a larger pool come from a random subset of this many (at least twice the query).
        references: the coverage of a larger pool is measured on a random subset of this many.
    """

    sample: int = 20_000
    references: int = 5_000

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS

    def __post_init__(self) -> None:
        for name in ("sample", "references"):
            if getattr(self, name) < 1:
                raise ConfigError(f"auto: {name} must be at least 1; got {getattr(self, name)}.")

    def select(self, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Exactly `size` distinct ids; a score is the uncertainty covered. Raises PoolExhausted, InvalidArray."""
        return answer(self._pick, self.needs, view, size, rng)

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        points, probs = required(view.embeddings), required(view.probs)
        weights = margin(probs, view.task) if len(view.labelled_ids) else None
        mode, why, scale = _scale(view, rng)
        rows, gains = herd(
            points,
            size,
            rng,
            weights=weights,
            covered_by=view.labelled_embeddings,
            sigma=scale,
            candidates=self.sample,
            references=self.references,
        )
        own = "" if weights is None else ", margin {:.2f}"
        share = gains / max(float(gains.sum()), np.finfo(np.float64).tiny)
        sentences = [
            f"covers {100 * part:.1f} % of what the batch covers{own.format(1 - unsure)}; {why}"
            for part, unsure in zip(share, np.zeros(size) if weights is None else weights[rows], strict=True)
        ]
        columns = {"mode": np.array([mode] * size), "scale": np.full(size, scale)}
        return Picks(rows, gains, sentences, columns)


def _scale(view: PoolView, rng: np.random.Generator) -> tuple[str, str, float]:
    """What is done this round, why, and at which scale."""
    labelled = view.labelled_embeddings
    if labelled is None:
        return "coverage", "plain coverage, as nothing is labelled yet", START
    some = np.sort(rng.permutation(len(labelled))[:COMPARED])
    apart = nearest_others(labelled[some])
    if not len(apart):
        return "coverage", "uncertainty covered widely, as too few labels differ", START
    wide = float(np.median(apart))
    trusted, told = trust(view.forecasts, view.labels, view.task)
    if not trusted:
        seen = (
            f"on {told} answers the margin has not told errors from hits yet"
            if told
            else "no forecast was put to the test"
        )
        return "coverage", f"uncertainty covered widely: {seen}", wide
    scale = wide ** (1 - trusted) * float(apart.min()) ** trusted
    why = f"uncertainty trusted {100 * trusted:.0f} %, by {told} answers"
    return "uncertainty" if trusted > 0.5 else "both", why, scale

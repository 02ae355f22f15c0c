"""FALCUN: uncertain samples that are predicted in ways not seen in the batch yet (Gilhuber et al. 2024, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import NonNegative
from poolwise.core.types import Floats, Need, PoolView
from poolwise.query.acquisition.confidence import margin
from poolwise.query.strategy import Picks, Strategy, required
from poolwise.query.top_k import margin_sentences


@dataclass(frozen=True)
class Falcun(Strategy):
    """Samples drawn one by one in proportion to (uncertainty + diversity) ^ gamma.

    Uncertainty is 1 - margin. Diversity begins as the uncertainty and is lowered to the city-block distance between the
    probabilities of a sample and of each pick; before each draw it is scaled to [0, 1] over the samples that are left.
    Looks at C probabilities instead of D features, so it is quick: O(B N C).

    Attributes:
        gamma: 0 draws evenly, large values take the highest; the authors' code has 10.
    """

    gamma: NonNegative = 10.0

    needs: ClassVar[Need] = Need.PROBS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is the relevance at the draw."""
        probs = required(view.probs)
        unsure = margin(probs, view.task)
        rows, diverse = drawn_apart(probs, unsure, size, self.gamma, rng)
        pairs = zip(margin_sentences(probs[rows], unsure[rows], view.task), diverse, strict=True)
        sentences = [f"{sentence}, diversity {value:.2f} within the batch" for sentence, value in pairs]
        columns = {"uncertainty": unsure[rows], "diversity": diverse}
        return Picks(rows, unsure[rows] + diverse, sentences, columns)


def drawn_apart(
    probs: Floats, unsure: Floats, size: int, gamma: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats]:
    """Draw rows by relevance.

    Args:
        probs: (N, C) probabilities.
        unsure: (N,) uncertainty in [0, 1].
        size: how many, at most N.
        gamma: exponent of the relevance.
        rng: of all draws.

    Returns:
        (size,) distinct rows in the order drawn, and (size,) the scaled diversity of each when drawn.
    """
    left = np.arange(len(unsure))
    by_class = np.ascontiguousarray(probs.T)  # a class at a time: rows of a few numbers are slow to reduce
    apart = unsure.astype(np.float32)
    unsure = apart.copy()
    rows, diversity = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.float32)
    for number in range(size):
        open_ones = apart[left]
        low, high = open_ones.min(), open_ones.max()
        diverse = (open_ones - low) / (high - low) if high > low else np.zeros_like(open_ones)
        place = _draw((unsure[left] + diverse), gamma, rng)
        rows[number], diversity[number] = left[place], diverse[place]
        left = np.delete(left, place)
        if len(left) and number + 1 < size:
            np.minimum(apart, city_block(by_class, by_class[:, rows[number]]), out=apart)
    return rows, diversity


def city_block(by_class: Floats, centre: Floats) -> Floats:
    """Return the (N,) sum over classes of absolute differences between columns of (C, N) and (C,).

    >>> city_block(np.array([[0.5, 1.0], [0.5, 0.0]]), np.array([0.75, 0.25])).tolist()
    [0.5, 0.5]
    """
    total = np.zeros(by_class.shape[1], dtype=np.float32)
    gap = np.empty_like(total)
    for column, value in zip(by_class, centre, strict=True):
        np.subtract(column, value, out=gap, casting="same_kind")
        total += np.abs(gap, out=gap)
    return total


def _draw(relevance: Floats, gamma: float, rng: np.random.Generator) -> int:
    """Draw a place in proportion to relevance ^ gamma; evenly where all is 0."""
    top = relevance.max()
    if top <= 0:
        return int(rng.integers(len(relevance)))
    summed = np.cumsum((relevance / top) ** np.float32(gamma), dtype=np.float64)
    return min(int(np.searchsorted(summed, rng.random() * summed[-1], side="right")), len(relevance) - 1)

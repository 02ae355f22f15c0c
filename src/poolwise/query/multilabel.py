"""Measures made for pictures with several labels, each sample on its own merit.

Mean entropy and BADGE, which also serve multi-label tasks, are `entropy` and `badge`. Measures of one extreme label, such
as the first two, have lost to chance on sets with many labels; compare before relying on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import Count, Share
from poolwise.core.types import Floats, Need, PoolView, Task, is_known
from poolwise.query.acquisition import multilabel
from poolwise.query.acquisition.confidence import margin
from poolwise.query.strategy import Picks, Strategy, best, checked_forecasts, required
from poolwise.query.top_k import margin_sentences

ONLY: tuple[Task, ...] = (Task.MULTILABEL,)


@dataclass(frozen=True)
class MaxEntropy(Strategy):
    """Largest entropy of any label; see `acquisition.multilabel.max_entropy`."""

    needs: ClassVar[Need] = Need.PROBS
    tasks: ClassVar[tuple[Task, ...]] = ONLY

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        return _least_certain(multilabel.max_entropy(required(view.probs)), view, size, rng)


@dataclass(frozen=True)
class BinMin(Strategy):
    """Least certain label (Brinker 2006): 1 - min |2q - 1|; the multi-label form of `acquisition.confidence.margin`."""

    needs: ClassVar[Need] = Need.PROBS
    tasks: ClassVar[tuple[Task, ...]] = ONLY

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        return _least_certain(margin(required(view.probs), Task.MULTILABEL), view, size, rng)


@dataclass(frozen=True)
class LabelCardinality(Strategy):
    """An unusual number of predicted labels; see `acquisition.multilabel.cardinality_inconsistency`.

    The usual number is the mean over what is labelled; before the first label, the mean sum of probabilities.
    """

    needs: ClassVar[Need] = Need.PROBS
    tasks: ClassVar[tuple[Task, ...]] = ONLY

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        probs = required(view.probs)
        usual, whose = _usual_count(view, probs)
        scores = multilabel.cardinality_inconsistency(probs, usual)
        rows = best(scores, size, rng)
        return Picks(rows, scores[rows], _count_sentences(probs[rows], usual, whose))


@dataclass(frozen=True)
class Mmc(Strategy):
    """Maximum loss reduction with maximal confidence; see `acquisition.multilabel.maximal_loss`.

    The number of labels of a sample is learnt from what the model had forecast for the samples that are labelled by now
    (probabilities on samples it was trained on would be too sure). Until there are enough of those it is the rounded sum
    of the sample's probabilities.

    Attributes:
        enough: labelled samples with a forecast from which on the number of labels is learnt.
    """

    enough: Count = 20

    needs: ClassVar[Need] = Need.PROBS
    tasks: ClassVar[tuple[Task, ...]] = ONLY

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        probs = required(view.probs)
        counts, source = self._counts(view, probs)
        scores = multilabel.maximal_loss(probs, counts)
        rows = best(scores, size, rng)
        pairs = zip(scores[rows], counts[rows], strict=True)
        sentences = [f"expected loss {score:.2f} with {count} labels, {source}" for score, count in pairs]
        return Picks(rows, scores[rows], sentences, {"labels_expected": counts[rows]})

    def _counts(self, view: PoolView, probs: Floats) -> tuple[NDArray[np.int64], str]:
        """Return the (N,) number of labels of each sample, and its source."""
        forecasts, labels = checked_forecasts(view.forecasts, view.labels)
        if len(labels) >= self.enough:
            return multilabel.predicted_counts(probs, forecasts, labels), f"learnt from {len(labels)} labelled samples"
        return np.rint(probs.sum(axis=1)).astype(np.int64), "the rounded sum of its probabilities"


@dataclass(frozen=True)
class Adaptive(Strategy):
    """Labels hard to separate and unusual in number; see `acquisition.multilabel.adaptive`.

    Li and Guo choose the balance anew for every round by training a model for each candidate and each balance; here it
    is an option.

    Attributes:
        balance: beta, from 0 (number of labels alone) to 1 (separation alone).
    """

    balance: Share = 0.5

    needs: ClassVar[Need] = Need.PROBS
    tasks: ClassVar[tuple[Task, ...]] = ONLY

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        probs = required(view.probs)
        usual, whose = _usual_count(view, probs)
        scores = multilabel.adaptive(probs, usual, self.balance)
        rows = best(scores, size, rng)
        gaps = multilabel.separation(probs[rows])
        counted = _count_sentences(probs[rows], usual, whose)
        sentences = [f"{gap:.2f} between present and absent, {text}" for gap, text in zip(gaps, counted, strict=True)]
        return Picks(rows, scores[rows], sentences)


def _least_certain(scores: Floats, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
    rows = best(scores, size, rng)
    return Picks(rows, scores[rows], margin_sentences(required(view.probs)[rows], scores[rows], view.task))


def _count_sentences(probs: Floats, usual: float, whose: str) -> list[str]:
    return [f"{count} labels predicted, {usual:.2f} {whose}" for count in (probs > 0.5).sum(axis=1)]


def _usual_count(view: PoolView, probs: Floats) -> tuple[float, str]:
    """Return the mean number of labels, and of what."""
    if view.labels is not None and len(view.labels):
        known = view.labels[is_known(view.labels)]
        if len(known):
            return float(known.sum(axis=1).mean()), "on average among the labelled"
    return float(probs.sum(axis=1, dtype=np.float64).mean()), "expected on average, as nothing is labelled yet"

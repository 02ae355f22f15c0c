"""Declared objectives with strengths: the sample with the largest product of powers, again after each pick.

argmax over x of prod_s objective_s(x) ^ strength_s, as LightlyOne combines strategies. The objectives lie in [0, 1]; a
strength of 0 turns one off, 2 makes it count twice as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.ranges import NonNegative
from poolwise.core.types import Floats, Need, PoolView, Task
from poolwise.geometry.density import typicality
from poolwise.geometry.greedy import Spread, joined
from poolwise.query.acquisition.uncertainty import Measure, uncertainty
from poolwise.query.strategy import Picks, Strategy, numbers, required


@dataclass(frozen=True)
class Objectives(Strategy):
    """What is wanted of a batch, and how much. At least one of them is on.

    Attributes:
        uncertainty: strength of `measure`, in [0, 1].
        measure: of uncertainty.
        diversity: strength of the distance to the nearest labelled or picked sample, divided by the largest there is at
            the start (with nothing labelled: after the first pick).
        balance: strength of 1 / (1 + labelled and picked samples of the class that is predicted); a picked sample counts
            for its predicted class, in a multi-label task for its most probable one.
        typicality: strength of the share of samples that are no more typical (see `geometry.density.typicality`).
        column: name of a column of numbers, scaled so that its smallest is 0 and its largest 1; "" for none.
        column_strength: of that column.
        cost: name of a column of costs above 0; the product is divided by cost ^ cost_strength; "" for none.
        cost_strength: of the cost.
        min_distance: no sample nearer than this to a labelled or picked one is taken while there are others; 0 for any.
    """

    uncertainty: NonNegative = 1.0
    measure: Measure = Measure.MARGIN
    diversity: NonNegative = 1.0
    balance: NonNegative = 0.0
    typicality: NonNegative = 0.0
    column: str = ""
    column_strength: NonNegative = 1.0
    cost: str = ""
    cost_strength: NonNegative = 1.0
    min_distance: NonNegative = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.uncertainty or self.diversity or self.balance or self.typicality or self.column or self.cost):
            raise ConfigError("query: all objectives are off; give one a strength above 0, e.g. query.uncertainty=1.")

    @property
    def needs(self) -> Need:
        """Only what the objectives that are on look at."""
        needs = Need.PROBS if self.uncertainty or self.balance else Need.NOTHING
        if self.diversity or self.min_distance:
            return needs | Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS
        return needs | Need.EMBEDDINGS if self.typicality else needs

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is the product at the pick."""
        objective = self._fixed(view)
        product = _Product(self, view, objective)
        spread = self._spread(view)
        floor = -np.inf if self.min_distance else 0.0
        far = spread.pick(size, product.score, product.picked, rng, floor)
        product.least = 0.0
        near = spread.pick(size - len(far[0]), product.score, product.picked, rng)
        rows, scores, gaps = joined(far, near)
        columns = {name: values[rows] for name, values in objective.items()}
        columns |= product.changed(gaps)
        sentences = _sentences(columns, [f" of class {number}" for number in product.predicted[rows]])
        for place in range(len(far[0]), size):
            sentences[place] += f"; nearer than {self.min_distance:g} to a labelled or picked one: none is farther"
        return Picks(rows, scores, sentences, columns)

    def _spread(self, view: PoolView) -> Spread:
        if self.diversity or self.min_distance:
            return Spread(required(view.embeddings), view.labelled_embeddings)
        return Spread(np.zeros((len(view), 1), dtype=np.float32))

    def _fixed(self, view: PoolView) -> dict[str, NDArray[Any]]:
        """Return (N,) values of the objectives that no pick changes."""
        values: dict[str, NDArray[Any]] = {}
        if self.uncertainty:
            values["uncertainty"] = uncertainty(required(view.probs), self.measure, view.task)
        if self.typicality:
            values["typicality"] = ranked(typicality(required(view.embeddings)))
        if self.column:
            values[f"column {self.column}"] = scaled(numbers(view, "query.column", self.column))
        if self.cost:
            values["cost"] = numbers(view, "query.cost", self.cost, "above 0", lambda costs: costs > 0)
        return values

    def strengths(self) -> dict[str, float]:
        """Return the exponent of each fixed objective."""
        return {
            "uncertainty": self.uncertainty,
            "typicality": self.typicality,
            f"column {self.column}": self.column_strength,
            "cost": -self.cost_strength,
        }


class _Product:
    """The product now: a fixed part, class counts that grow with each pick, and distances that the caller keeps."""

    def __init__(self, options: Objectives, view: PoolView, objective: Mapping[str, NDArray[Any]]) -> None:
        self._options = options
        self.least = options.min_distance
        self._scale = np.float32(np.inf)
        self._part = np.ones(len(view), dtype=np.float32)
        for name, values in objective.items():
            self._part *= _power(values, options.strengths()[name])
        balanced = bool(options.balance)
        classes = required(view.probs).shape[1] if balanced else 1
        self.predicted = required(view.probs).argmax(axis=1) if balanced else np.zeros(len(view), dtype=np.int64)
        self._counts = class_counts(view, classes) if balanced else np.zeros(1, dtype=np.int64)
        self._now = self._part * _power(1 / (1 + self._counts), options.balance)[self.predicted]
        self._balance: list[float] = []

    def score(self, gaps: Floats) -> Floats:
        strength = self._options.diversity
        product = self._now * _power(self._diversity(gaps), strength) if strength else self._now
        return np.where(gaps < self.least, np.float32(-np.inf), product) if self.least else product

    def picked(self, row: int) -> None:
        number = self.predicted[row]
        self._balance.append(1 / (1 + self._counts[number]))
        self._counts[number] += 1
        if self._options.balance:
            alike = np.flatnonzero(self.predicted == number)
            self._now[alike] = self._part[alike] * _power(1 / (1 + self._counts[number]), self._options.balance)

    def changed(self, gaps: Floats) -> dict[str, NDArray[Any]]:
        """Return columns of what changed with the picks, as it was at each pick."""
        columns: dict[str, NDArray[Any]] = {}
        if self._options.diversity:
            columns["diversity"] = self._diversity(gaps)
        if self._options.balance:
            columns["balance"] = np.array(self._balance, dtype=np.float32)
        return columns

    def _diversity(self, gaps: Floats) -> Floats:
        if np.isinf(self._scale):
            self._scale = gaps.max()  # infinite until there is something to be far from
        if np.isinf(self._scale):
            return np.ones_like(gaps)
        diversity: Floats = np.minimum(gaps / max(self._scale, np.finfo(np.float32).tiny), 1)
        return diversity


def ranked(values: Floats) -> Floats:
    """Return the (N,) share of values that are no larger, in (0, 1]; equal ones share their mean rank.

    >>> ranked(np.array([5.0, 1.0, 5.0, 9.0])).tolist()
    [0.625, 0.25, 0.625, 1.0]
    """
    from scipy.stats import rankdata

    return np.asarray(rankdata(values) / len(values), dtype=np.float32)


def scaled(values: NDArray[Any]) -> Floats:
    """Return (N,) values moved and stretched to [0, 1]; all alike become 1.

    >>> scaled(np.array([2.0, 4.0, 3.0])).tolist()
    [0.0, 1.0, 0.5]
    """
    low, high = values.min(), values.max()
    if low == high:
        return np.ones(len(values), dtype=np.float32)
    return np.asarray((values - low) / (high - low), dtype=np.float32)


def class_counts(view: PoolView, classes: int) -> NDArray[np.int64]:
    """Count (C,) labelled samples of each class; unknown labels count for none."""
    if view.labels is None or not len(view.labels):
        return np.zeros(classes, dtype=np.int64)
    if view.task is Task.MULTILABEL:
        return np.asarray((view.labels == 1).sum(axis=0), dtype=np.int64)
    return np.bincount(view.labels[view.labels >= 0], minlength=classes).astype(np.int64)


def _power(values: Any, strength: float) -> Any:
    return values if strength == 1 else np.asarray(values, dtype=np.float32) ** np.float32(strength)


def _sentences(columns: Mapping[str, NDArray[Any]], classes: list[str]) -> list[str]:
    """Return the values that a pick was taken for, in the order of the options."""
    parts = [
        [
            f"{name} {value:.2f}{where if name == 'balance' else ''}"
            for value, where in zip(values, classes, strict=True)
        ]
        for name, values in columns.items()
    ]
    return [", ".join(row) for row in zip(*parts, strict=True)]

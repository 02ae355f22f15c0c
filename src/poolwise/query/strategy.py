"""The base of all strategies: the checks before a choice, and the table of reasons that comes with it.

A subclass says which rows, with what score and why (`Picks`); `Strategy.select` does the rest, so that a new one holds its
idea and nothing else.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.checks import check_view
from poolwise.core.errors import ConfigError, InvalidArray, listed
from poolwise.core.interfaces import QueryStrategy
from poolwise.core.ranges import Checked
from poolwise.core.types import Floats, Labels, PoolView, Query, Task, is_known
from poolwise.geometry.neighbours import nearest, unit_rows
from poolwise.query.acquisition.confidence import least_confidence

Array = TypeVar("Array")


@dataclass(frozen=True, eq=False)
class Picks:
    """Rows of a checked view, best first.

    Attributes:
        rows: (B,) distinct rows.
        scores: (B,) acquisition scores, higher was wanted more.
        sentences: B short sentences that say why.
        columns: further columns of (B,) values for the table of reasons.
    """

    rows: NDArray[np.int64]
    scores: NDArray[Any]
    sentences: Sequence[str]
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class Strategy(Checked, QueryStrategy):
    """Base of the strategies here: `select` checks, asks `_pick` of the subclass, and explains.

    A subclass is a frozen dataclass whose fields are its options; it declares `needs` and, unless it serves all tasks,
    `tasks`.
    """

    def select(self, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Choose exactly `size` distinct ids of the view; 0 gives an empty query.

        Raises:
            InvalidArray, PoolExhausted, ConfigError: see `check_view`; ConfigError also for a task that is not in `tasks`.
        """
        if view.task not in self.tasks:
            raise ConfigError(
                f"this query strategy is defined for {listed(task.value for task in self.tasks)} tasks, not for "
                f"{view.task.value}; choose another, e.g. query=badge."
            )
        view = check_view(view, self.needs, size)
        if not size:
            return Query(view.ids[:0], np.empty(0, dtype=np.float32), {"reason": np.empty(0, dtype=np.str_)})
        picks = self._pick(view, int(size), rng)
        reasons = {"reason": np.array(picks.sentences, dtype=np.str_), **facts(view, picks.rows), **picks.columns}
        return Query(view.ids[picks.rows], np.asarray(picks.scores, dtype=np.float32), reasons)

    @abstractmethod
    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick `size` rows, 1 to N, of a checked view, whose rows ascend by id."""


def facts(view: PoolView, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return what the view knows of some rows.

    Returns:
        Columns `predicted` (class number; multi-class only) and `confidence` in [0, 1] where there are probabilities;
        `nearest_labelled` (sample id) and its Euclidean `distance` where there are embeddings of both.
    """
    known: dict[str, NDArray[Any]] = {}
    if view.probs is not None:
        if view.task is Task.MULTICLASS:
            known["predicted"] = view.probs[rows].argmax(axis=1).astype(np.int64)
        known["confidence"] = 1 - least_confidence(view.probs[rows], view.task)
    if view.embeddings is not None and view.labelled_embeddings is not None:
        which, distance = nearest(view.embeddings[rows], view.labelled_embeddings)
        known |= {"nearest_labelled": view.labelled_ids[which], "distance": distance}
    return known


def required(array: Array | None) -> Array:
    """Return what `check_view` has found to be there."""
    if array is None:  # pragma: no cover
        raise AssertionError("the strategy uses an array that it did not declare in `needs`")
    return array


def located(view: PoolView, unit_length: bool) -> tuple[Floats, Floats | None]:
    """Return embeddings of candidates and of labelled samples (None: there are none), at length 1 where asked for."""
    points, labelled = required(view.embeddings), view.labelled_embeddings
    if not unit_length:
        return points, labelled
    return unit_rows(points), None if labelled is None else unit_rows(labelled)


def checked_forecasts(forecasts: Floats | None, labels: Labels | None) -> tuple[Floats, Labels]:
    """Return the (n, C) forecasts of samples whose labels are known by now, and those labels."""
    if forecasts is None or labels is None:
        return np.empty((0, 1), dtype=np.float32), np.empty(0, dtype=np.int64)
    rows = is_known(labels) & np.isfinite(forecasts).all(axis=1)
    return forecasts[rows], labels[rows]


def column(view: PoolView, option: str, name: str) -> NDArray[Any]:
    """Return the column (N,) that an option names; text for columns of objects.

    Raises:
        ConfigError: there is none.
    """
    if name not in view.columns:
        known = listed(sorted(view.columns), most=20) or "none"
        raise ConfigError(f"{option} is {name!r}, which is not a column of the data; known columns: {known}.")
    values = view.columns[name]
    return values.astype(np.str_) if values.dtype.kind == "O" else values


def numbers(
    view: PoolView, option: str, name: str, expected: str = "", sound: Callable[[Any], Any] | None = None
) -> NDArray[np.float64]:
    """Return the column (N,) of numbers that an option names.

    Raises:
        ConfigError: there is none.
        InvalidArray: it holds text, or numbers that are not `sound`, which `expected` puts in words.
    """
    values = column(view, option, name)
    if values.dtype.kind not in "fiub":
        raise InvalidArray(f"{option}: column {name!r} must hold numbers; got dtype {values.dtype}.")
    if sound is not None and not sound(values).all():
        wrong = view.ids[~sound(values)]
        raise InvalidArray(f"{option}: column {name!r} must be {expected}; samples {listed(wrong)} are not.")
    return values.astype(np.float64)


def best(scores: NDArray[Any], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (size,) rows with the highest scores, best first, ties in random order.

    >>> best(np.array([0.1, 0.9, 0.5]), 2, np.random.default_rng(0)).tolist()
    [1, 2]
    """
    shuffled = rng.permutation(len(scores))
    return shuffled[np.argsort(-scores[shuffled], kind="stable")[:size]]


def topped_up(
    rows: NDArray[np.int64], scores: Floats, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (size,) the rows and, after them, the best of the others by (N,) scores; and those others alone.

    >>> topped_up(np.array([2]), np.array([0.1, 0.3, 0.2]), 2, np.random.default_rng(0))[0].tolist()
    [2, 1]
    """
    rest = np.setdiff1d(np.arange(len(scores)), rows)
    extra = rest[best(scores[rest], size - len(rows), rng)]
    return np.concatenate([rows, extra]), extra


def in_turn(
    groups: NDArray[np.int64], order: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return (size,) rows taken group by group in turns, a random row of the group at each, until enough.

    Args:
        groups: (N,) group number of each row.
        order: all group numbers, the first to be visited first. A group that has run out is passed over.
        size: how many rows, at most N.
        rng: draws the rows.

    >>> in_turn(np.array([5, 5, 5, 7]), np.array([7, 5]), 3, np.random.default_rng(0))[0]
    np.int64(3)
    """
    place = np.empty(int(order.max()) + 1, dtype=np.int64)
    place[order] = np.arange(len(order))
    shuffled = rng.permutation(len(groups))
    by_group = shuffled[np.argsort(groups[shuffled], kind="stable")]
    starts = np.flatnonzero(np.diff(groups[by_group], prepend=-1))
    turn = np.arange(len(groups)) - np.repeat(starts, np.diff(starts, append=len(groups)))
    return by_group[np.lexsort((place[groups[by_group]], turn))[:size]]

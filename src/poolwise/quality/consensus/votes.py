"""Votes of several annotators: checked at the door, then read block by block, whatever their number.

Votes are (N, A) whole numbers, one row a sample and one column an annotator: the class, or -1 where there is no vote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.checks import check_probs
from poolwise.core.errors import InvalidArray, listed
from poolwise.core.types import Floats, Labels

BLOCK = 1 << 20
"""Entries of a table of samples and classes worked on in one go: 8 MB of float64."""
MOST_CLASSES = 1 << 20
"""A larger class number is something else: an id, a hash."""


@dataclass(frozen=True, eq=False)
class Ballots:
    """The votes cast in a block of n rows, one entry a vote, in the order of rows.

    Attributes:
        rows: which rows of the whole.
        row: (V,) row within the block.
        who: (V,) annotator.
        what: (V,) class.
        classes: C.
    """

    rows: slice
    row: NDArray[np.int64]
    who: NDArray[np.int64]
    what: NDArray[np.int64]
    classes: int

    def tally(self, weights: NDArray[np.float64] | None = None) -> NDArray[Any]:
        """Return (n, C) votes for each class; with weights (A,) of annotators, the sum of those who cast them."""
        count = self.rows.stop - self.rows.start
        cells = self.row * self.classes + self.what
        cast = None if weights is None else weights[self.who]
        return np.bincount(cells, cast, minlength=count * self.classes).reshape(count, self.classes)

    def voices(self, weights: NDArray[np.float64] | None = None) -> NDArray[Any]:
        """Return (n,) votes of each row; with weights (A,), the sum of the weights of those who voted."""
        cast = None if weights is None else weights[self.who]
        return np.bincount(self.row, cast, minlength=self.rows.stop - self.rows.start)


def ballots(votes: Labels, classes: int) -> Iterator[Ballots]:
    """Return the votes (N, A) block by block of rows.

    >>> [block.tally().tolist() for block in ballots(np.array([[1, 0, 1], [-1, -1, 0]]), 2)]
    [[[1, 2], [1, 0]]]
    """
    step = max(1, BLOCK // max(1, classes, votes.shape[1]))
    for start in range(0, len(votes), step):
        part = votes[start : start + step]
        row, who = np.nonzero(part >= 0)
        yield Ballots(slice(start, start + len(part)), row, who, part[row, who].astype(np.int64), classes)


def votes_each(votes: Labels) -> NDArray[np.int64]:
    """Return (N,) how many voted on each sample.

    >>> votes_each(np.array([[1, 0, 1], [-1, -1, 0], [-1, -1, -1]])).tolist()
    [3, 1, 0]
    """
    return np.asarray((votes >= 0).sum(axis=1), dtype=np.int64)


def check_votes(votes: ArrayLike, probs: ArrayLike | None = None) -> tuple[Labels, int, Floats | None]:
    """Return votes (N, A) as whole numbers, the number of classes C, and probs (N, C) as float32.

    C is the width of probs; without them the largest class voted for, plus 1.

    Raises:
        InvalidArray: votes that are not (N, A) whole numbers, or outside the classes; probs that are no probabilities
            of the same N samples.

    >>> check_votes([[0, -1], [2, 2]])[1]
    3
    """
    given = np.asarray(votes)
    if given.ndim != 2 or given.dtype.kind not in "iub":
        raise InvalidArray(
            "votes must be (N, A) whole numbers, a row a sample and a column an annotator; "
            f"got shape {given.shape}, dtype {given.dtype}.{_advice(given)}"
        )
    table: Labels = given if given.dtype.kind == "i" else given.astype(np.int64)
    checked = None if probs is None else _fitting(probs, len(table))
    classes = _classes(table) if checked is None else checked.shape[1]
    rows, columns = np.nonzero((table < -1) | (table >= classes))
    if rows.size:
        where = "in the columns of probs" if checked is not None else "at most"
        raise InvalidArray(
            f"votes must be class numbers 0..{classes - 1} ({classes} classes {where}) or -1 for no vote; "
            f"rows {listed(np.unique(rows))} hold {listed(np.unique(table[rows, columns]))}. Number the classes from 0."
        )
    return table, classes, checked


def _advice(given: NDArray[Any]) -> str:
    if given.ndim == 1:
        return " One annotator? Give votes.reshape(-1, 1)."
    if given.dtype.kind == "f":
        return " Put -1 where there is no vote (np.where(np.isnan(votes), -1, votes)) and turn them into whole numbers."
    return " Give class numbers, -1 where there is no vote."


def _fitting(probs: ArrayLike, rows: int) -> Floats:
    checked = check_probs(probs)
    if len(checked) != rows:
        raise InvalidArray(
            f"votes are of {rows} samples and probs of {len(checked)}; give both the same rows, in one order."
        )
    return checked


def _classes(votes: Labels) -> int:
    return max(1, min(int(votes.max(initial=-1)) + 1, MOST_CLASSES))

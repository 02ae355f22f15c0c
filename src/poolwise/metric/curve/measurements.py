"""Sizes and scores as they come: lists, ragged rows, missing repeats; checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poolwise.core.errors import InvalidArray, listed
from poolwise.metric.curve.family import Values


@dataclass(frozen=True, eq=False)
class Measurements:
    """Checked measurements.

    Attributes:
        sizes: (K,) rising.
        rows: K arrays of repeats, one or more each.
        notes: sentences on what was left out.
    """

    sizes: Values
    rows: tuple[Values, ...]
    notes: tuple[str, ...]


def measurements(sizes: Any, scores: Sequence[Any]) -> Measurements:
    """Rows in any order, by rising size; rows of one size are joined, NaN and None are left out and told.

    Args:
        sizes: (K,) numbers of labels, above 0.
        scores: K rows of repeats, of any lengths; or K numbers.

    Raises:
        InvalidArray: not as many rows as sizes, sizes that are no positive numbers, infinity, or nothing measured.

    >>> measurements([20, 10], [0.5, [0.25, None]]).sizes.tolist()
    [10.0, 20.0]
    """
    counts = _numbers(sizes, "sizes")
    rows = [np.atleast_1d(_numbers(row, "scores")) for row in scores]
    if counts.ndim != 1 or len(rows) != len(counts):
        raise InvalidArray(f"a row of scores is wanted for each of {counts.size} sizes; got {len(rows)} rows.")
    if not (np.isfinite(counts) & (counts > 0)).all():
        bad = counts[~(np.isfinite(counts) & (counts > 0))]
        raise InvalidArray(f"sizes must be numbers of labels, above 0; got {listed(bad.tolist())}.")
    if any(row.ndim != 1 or np.isinf(row).any() for row in rows):
        raise InvalidArray("each row of scores must be a list of finite numbers, NaN for a missing repeat.")
    joined = {size: np.concatenate([rows[at] for at in np.flatnonzero(counts == size)]) for size in np.unique(counts)}
    return _kept(joined)


def _numbers(values: Any, name: str) -> Values:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArray(f"{name} must be numbers, ragged only from row to row; {error}.") from error


def _kept(joined: dict[float, Values]) -> Measurements:
    known = {size: row[~np.isnan(row)] for size, row in joined.items()}
    missing = sum(len(joined[size]) - len(known[size]) for size in joined)
    empty = [f"{size:g}" for size, row in known.items() if not len(row)]
    notes = [f"{missing} missing repeats (NaN) are left out."] if missing else []
    if empty:
        notes.append(f"Nothing was measured at size {listed(empty)}; left out.")
    full = {size: np.sort(row) for size, row in known.items() if len(row)}
    if not full:
        raise InvalidArray("there is no score to fit: every repeat is missing. Measure three sizes or more.")
    return Measurements(np.array(list(full)), tuple(full.values()), tuple(notes))

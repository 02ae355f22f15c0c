"""Arrays are checked once, at the door, and trusted from there on.

Each check returns the array in the type that the rooms compute in. NaN is an error and never repaired; a message names
the rows by sample id.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.errors import ConfigError, InvalidArray, PoolExhausted, listed
from poolwise.core.types import Floats, Head, Ids, Labels, Need, PoolView, Task

LARGEST = 1e15
"""Beyond this the square of a float32 nears its limit of 3e38."""
ROUNDING = 1e-3
"""By how much a row of float32 probabilities may miss a sum of 1; half precision is allowed ten times that."""
BLOCK = 1 << 22
"""Elements looked at in one go, so that a check never doubles the memory of what it checks."""


def check_ids(ids: ArrayLike, name: str = "ids") -> Ids:
    """Return sample ids (N,), whole, not negative and distinct, as int64 in the order given.

    Raises:
        InvalidArray: naming the ids at fault.

    >>> check_ids([7, 3]).tolist()
    [7, 3]
    """
    array = np.asarray(ids)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InvalidArray(f"{name} must be (N,) whole numbers; got shape {array.shape}, dtype {array.dtype}.")
    whole = array.astype(np.int64, copy=False)
    if (whole < 0).any():
        raise InvalidArray(f"{name} must not be negative; got {listed(whole[whole < 0])}.")
    values, counts = np.unique(whole, return_counts=True)
    if len(values) < len(whole):
        raise InvalidArray(f"{name} must be distinct; these come more than once: {listed(values[counts > 1])}.")
    return whole


def check_probs(
    probs: ArrayLike, task: Task = Task.MULTICLASS, *, ids: Ids | None = None, name: str = "probs"
) -> Floats:
    """Return probabilities (N, C) as float32; multi-class rows sum to 1, multi-label entries stand alone.

    Args:
        probs: (N, C) of any float type.
        task: which of the two.
        ids: (N,) sample ids to name rows by; row numbers without.
        name: of the array, for messages.

    Raises:
        InvalidArray: wrong shape, NaN, outside [0, 1], or rows that do not sum to 1.

    >>> check_probs([[0.25, 0.75]]).tolist()
    [[0.25, 0.75]]
    """
    given = np.asarray(probs)
    array = _matrix(given, name, "(N, C)", ids)
    slack = ROUNDING * (10 if given.dtype == np.float16 else 1)
    outside = _rows(array, lambda rows: ((rows < -slack) | (rows > 1 + slack)).any(axis=1))
    _refuse(outside, f"{name} must lie in [0, 1]", "do not (are these logits? apply softmax or sigmoid)", ids)
    if task is Task.MULTICLASS:
        off = _rows(array, lambda rows: np.abs(rows.sum(axis=1, dtype=np.float64) - 1) > slack)
        _refuse(
            off,
            f"{name} rows must sum to 1",
            "do not (rounded? divide by the sum; multi-label? say task=multilabel)",
            ids,
        )
    return array if _inside(array) else np.clip(array, 0, 1)


def check_embeddings(embeddings: ArrayLike, *, ids: Ids | None = None, name: str = "embeddings") -> Floats:
    """Return embeddings (N, D) as float32.

    Raises:
        InvalidArray: wrong shape, NaN, infinity, or numbers whose squares leave float32.

    >>> check_embeddings([[1.0, 2.0]]).dtype
    dtype('float32')
    """
    array = _matrix(np.asarray(embeddings), name, "(N, D)", ids)
    large = _rows(array, lambda rows: (np.abs(rows) > LARGEST).any(axis=1))
    _refuse(large, f"{name} must stay below {LARGEST:.0e}", "do not; scale them", ids)
    return array


def check_log_probs(log_probs_nkc: ArrayLike, task: Task = Task.MULTICLASS, *, ids: Ids | None = None) -> Floats:
    """Return log-probabilities (N, K, C) of K stochastic draws as float32; minus infinity for probability 0.

    Raises:
        InvalidArray: wrong shape, NaN, above 0, or multi-class draws that do not sum to 1.
    """
    given = np.asarray(log_probs_nkc)
    if given.ndim != 3 or given.dtype.kind != "f" or 0 in given.shape[1:]:
        raise InvalidArray(f"draws must be (N, K, C) log-probabilities; got shape {given.shape}, dtype {given.dtype}.")
    _count(len(given), ids, "draws")
    slack = ROUNDING * (10 if given.dtype == np.float16 else 1)
    array = given.astype(np.float32, copy=False)
    # "not at most" is true of NaN too
    wrong = _rows(array, lambda rows: (~(rows <= slack)).any(axis=(1, 2)))
    _refuse(
        wrong,
        "draws must be log-probabilities, at most 0",
        "are not, or are NaN (are these logits? apply log_softmax)",
        ids,
    )
    if task is Task.MULTICLASS:
        off = _rows(array, lambda rows: (np.abs(np.exp(rows).sum(axis=2) - 1) > slack).any(axis=1))
        _refuse(off, "the probabilities of each draw must sum to 1", "do not", ids)
    return array


def check_labels(labels: ArrayLike, task: Task = Task.MULTICLASS, *, classes: int | None = None) -> Labels:
    """Return labels as arrays: (L,) int64, -1 for unknown, or (L, C) int8 of 0 and 1, a row of -1 for unknown.

    Raises:
        InvalidArray: wrong shape or type, or a class number outside 0..C-1.

    >>> check_labels([0, 2, -1], classes=3).tolist()
    [0, 2, -1]
    """
    array = np.asarray(labels)
    multilabel = task is Task.MULTILABEL
    shape = "(L, C) of 0 and 1" if multilabel else "(L,) class numbers"
    if array.ndim != 1 + multilabel or (array.size and array.dtype.kind not in "iub"):
        raise InvalidArray(f"labels must be {shape}; got shape {array.shape}, dtype {array.dtype}.")
    if multilabel and classes is not None and array.shape[1] != classes:
        raise InvalidArray(f"labels must have {classes} columns, one a class; got {array.shape[1]}.")
    top = 1 if multilabel else np.inf if classes is None else classes - 1
    whole: Labels = array.astype(np.int8 if multilabel else np.int64)
    wrong = whole[(whole < -1) | (whole > top)]
    if wrong.size:
        raise InvalidArray(f"labels must be {shape}, at most {top} (-1: unknown); got {listed(np.unique(wrong))}.")
    return whole


def check_size(size: Any, available: int) -> int:
    """Return how many to ask for: a whole number from 0 to what is left.

    Raises:
        ConfigError: not a whole number, or negative.
        PoolExhausted: more than are left.
    """
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
        raise ConfigError(f"the number of samples to ask for must be a whole number from 0 on; got {size!r}.")
    if size > available:
        raise PoolExhausted(
            f"asked for {size} samples but {available} are unlabelled; lower query_size or stop earlier."
        )
    return int(size)


def check_view(view: PoolView, needs: Need, size: int) -> PoolView:
    """Check a view for a strategy: what it needs is there and sound, rows ascend by id, and `size` can be had.

    Arrays that are there without being needed are checked as well: they go into the reasons.

    Returns:
        The view with checked arrays, candidates and labelled rows each sorted by id.

    Raises:
        InvalidArray: a needed array is missing, or one that is there is not sound.
        PoolExhausted: fewer candidates than `size`.
        ConfigError: `size` is no whole number from 0 on.
    """
    ids, labelled = check_ids(view.ids), check_ids(view.labelled_ids, "labelled_ids")
    check_size(size, len(ids))
    both = np.intersect1d(ids, labelled)
    if both.size:
        raise InvalidArray(f"samples {listed(both)} are labelled and candidates at once.")
    _check_needs(view, needs)
    checked = dataclasses.replace(
        view,
        ids=ids,
        labelled_ids=labelled,
        probs=None if view.probs is None else check_probs(view.probs, view.task, ids=ids),
        embeddings=None if view.embeddings is None else check_embeddings(view.embeddings, ids=ids),
        log_probs_nkc=None if view.log_probs_nkc is None else check_log_probs(view.log_probs_nkc, view.task, ids=ids),
        head=None if view.head is None else check_head(view.head),
        labels=None if view.labels is None else check_labels(view.labels, view.task, classes=_classes(view)),
        labelled_embeddings=_check_labelled_embeddings(view, labelled),
        forecasts=None if view.forecasts is None else check_forecasts(view.forecasts, labelled, view.task),
        columns={name: _check_column(name, column, ids) for name, column in view.columns.items()},
    )
    _check_widths(checked)
    if checked.labels is not None and len(checked.labels) != len(labelled):
        raise InvalidArray(
            f"labels must have one row for each of {len(labelled)} labelled ids; got {len(checked.labels)}."
        )
    return _sorted(checked)


def _check_needs(view: PoolView, needs: Need) -> None:
    wanted: dict[Need, tuple[Any, str]] = {
        Need.PROBS: (view.probs, "probs (N, C)"),
        Need.EMBEDDINGS: (view.embeddings, "embeddings (N, D)"),
        Need.DRAWS: (view.log_probs_nkc, "draws (N, K, C)"),
        Need.ROUNDS: (view.log_probs_nkc, "draws (N, K, C), one for each of the last rounds' models"),
        Need.HEAD: (view.head, "head (the last layer's weights (C, D) and bias (C,))"),
        Need.LABELLED_EMBEDDINGS: (
            view.labelled_embeddings if len(view.labelled_ids) else (),
            "embeddings of the labelled samples (L, D)",
        ),
    }
    missing = [text for need, (array, text) in wanted.items() if need in needs and array is None]
    if missing:
        raise InvalidArray(f"this strategy needs {' and '.join(missing)}; none came. Give them, or choose another one.")


def check_head(head: Head) -> Head:
    """Return the weights (C, D) and bias (C,) of a last layer as float32.

    Raises:
        InvalidArray: wrong shapes, NaN or infinity.
    """
    weights, bias = np.asarray(head.weights), np.asarray(head.bias)
    if weights.ndim != 2 or bias.shape != weights.shape[:1] or weights.dtype.kind not in "fiu":
        raise InvalidArray(f"head must be weights (C, D) and bias (C,); got {weights.shape} and {bias.shape}.")
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise InvalidArray("head must be finite; its weights or bias hold NaN or infinity.")
    return Head(weights.astype(np.float32, copy=False), bias.astype(np.float32, copy=False))


def check_forecasts(forecasts: ArrayLike, labelled: Ids, task: Task = Task.MULTICLASS) -> Floats:
    """Return what was predicted of labelled samples before they were, (L, C); a row of NaN where nothing was.

    Raises:
        InvalidArray: wrong shape, a row that is neither all NaN nor all in [0, 1], or a multi-class one whose sum is not 1.
    """
    array = np.asarray(forecasts)
    if array.ndim != 2 or array.dtype.kind != "f" or len(array) != len(labelled):
        raise InvalidArray(
            f"forecasts must be (L, C) with a row for each of {len(labelled)} labelled samples; got {array.shape}."
        )
    absent = np.isnan(array).all(axis=1)
    slack = ROUNDING * (10 if array.dtype == np.float16 else 1)
    wrong = ~absent & ~((array >= -slack) & (array <= 1 + slack)).all(axis=1)
    _refuse(np.flatnonzero(wrong), "a row of forecasts is all NaN or all in [0, 1]", "are not", labelled)
    if task is Task.MULTICLASS:
        off = ~absent & ~(np.abs(array.sum(axis=1, dtype=np.float64) - 1) <= slack)
        _refuse(np.flatnonzero(off), "a row of forecasts must sum to 1", "do not", labelled)
    return array.astype(np.float32, copy=False)


def _check_column(name: str, column: NDArray[Any], ids: Ids) -> NDArray[Any]:
    array = np.asarray(column)
    if array.shape != ids.shape:
        raise InvalidArray(f"column {name!r} must have a value for each of {len(ids)} ids; got shape {array.shape}.")
    if array.dtype.kind == "f":
        _refuse(np.flatnonzero(~np.isfinite(array)), f"column {name!r} must be finite", "hold NaN or infinity", ids)
    return array


def _classes(view: PoolView) -> int | None:
    """Return C, as the probabilities, the draws or the last layer say it; None where nothing does."""
    weights = None if view.head is None else view.head.weights
    for array, axis in ((view.probs, 1), (view.log_probs_nkc, 2), (weights, 0)):
        if array is not None:
            return int(np.shape(array)[axis])
    return None


def _check_widths(view: PoolView) -> None:
    """Raise InvalidArray where arrays differ in their classes, or the last layer does not fit the embeddings."""
    classes = _classes(view)
    widths_of: dict[str, int] = {}
    if view.log_probs_nkc is not None:
        widths_of["draws"] = view.log_probs_nkc.shape[2]
    if view.head is not None:
        widths_of["head"] = len(view.head.weights)
    if view.forecasts is not None:
        widths_of["forecasts"] = view.forecasts.shape[1]
    other = {name: count for name, count in widths_of.items() if classes is not None and count != classes}
    if other:
        widths = ", ".join(f"{name} of {count}" for name, count in other.items())
        raise InvalidArray(f"there are {classes} classes, and {widths}; take all arrays from one model.")
    if view.head is not None and view.embeddings is not None and view.head.weights.shape[1] != view.embeddings.shape[1]:
        raise InvalidArray(
            f"head is of width {view.head.weights.shape[1]}, embeddings of {view.embeddings.shape[1]}; "
            "take both from one model."
        )


def _check_labelled_embeddings(view: PoolView, labelled: Ids) -> Floats | None:
    """Return None where nothing is labelled yet, so that a strategy asks one question only."""
    if view.labelled_embeddings is None or not len(labelled):
        return None
    array = check_embeddings(view.labelled_embeddings, ids=labelled, name="labelled_embeddings")
    if view.embeddings is not None and array.shape[1] != np.shape(view.embeddings)[1]:
        raise InvalidArray(
            f"embeddings of labelled samples have width {array.shape[1]}, those of candidates "
            f"{np.shape(view.embeddings)[1]}; take both from the same model."
        )
    return array


def _sorted(view: PoolView) -> PoolView:
    """Return rows in ascending order of id; no copy where they are so already."""
    changes: dict[str, Any] = {}
    groups = (
        ("ids", "probs", "embeddings", "log_probs_nkc"),
        ("labelled_ids", "labels", "labelled_embeddings", "forecasts"),
    )
    for first, *others in groups:
        ids: Ids = getattr(view, first)
        if (np.diff(ids) > 0).all():
            continue
        order = np.argsort(ids)
        changes |= {name: getattr(view, name)[order] for name in (first, *others) if getattr(view, name) is not None}
        if first == "ids":
            changes["columns"] = {name: column[order] for name, column in view.columns.items()}
    return dataclasses.replace(view, **changes) if changes else view


def _matrix(given: NDArray[Any], name: str, shape: str, ids: Ids | None) -> Floats:
    if given.ndim != 2 or given.dtype.kind not in "fiub" or given.shape[1] == 0:
        raise InvalidArray(f"{name} must be {shape} numbers; got shape {given.shape}, dtype {given.dtype}.")
    _count(len(given), ids, name)
    broken = _rows(given, lambda rows: ~np.isfinite(rows).all(axis=1))
    _refuse(broken, f"{name} must be finite", "hold NaN or infinity", ids)
    with np.errstate(over="ignore"):  # what leaves float32 becomes infinite and is refused by the next check
        return np.ascontiguousarray(given, dtype=np.float32)


def _count(rows: int, ids: Ids | None, name: str) -> None:
    if ids is not None and rows != len(ids):
        raise InvalidArray(f"{name} must have one row for each of {len(ids)} ids; got {rows}.")


def _rows(array: NDArray[Any], test: Callable[[NDArray[Any]], Any]) -> NDArray[np.intp]:
    """Return the numbers of the rows for which the test holds, looked at block by block."""
    step = max(1, BLOCK // max(1, int(np.prod(array.shape[1:]))))
    parts = [np.flatnonzero(test(array[at : at + step])) + at for at in range(0, len(array), step)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.intp)


def _refuse(rows: NDArray[np.intp], expected: str, got: str, ids: Ids | None) -> None:
    if rows.size:
        what = "rows" if ids is None else "samples"
        raise InvalidArray(f"{expected}; {what} {listed(rows if ids is None else ids[rows])} {got}.")


def _inside(array: Floats) -> bool:
    return array.size == 0 or bool(array.min() >= 0 and array.max() <= 1)

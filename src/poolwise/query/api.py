"""The public functions on query strategies: `poolwise.select`, `poolwise.curation_report`.

>>> import numpy as np
>>> import poolwise
>>> probs = np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]])
>>> query = poolwise.select("margin", size=2, probs=probs)
>>> query.ids.tolist(), query.reasons["reason"][0].item()
([1, 2], 'margin 0.00 between class 0 and class 1')
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.checks import ROUNDING, check_embeddings, check_ids, check_labels, check_probs
from poolwise.core.errors import ConfigError, InvalidArray, listed
from poolwise.core.interfaces import QueryStrategy
from poolwise.core.seeds import generator
from poolwise.core.types import Head, Ids, Need, PoolView, Query, Task
from poolwise.metric import coverage
from poolwise.metric.coverage import CurationReport
from poolwise.query.candidates import Candidates

ARRAYS = ("probs", "embeddings", "draws", "labelled", "labels", "head", "forecasts", "columns")


def select(
    strategy: str,
    *,
    size: int,
    seed: int = 0,
    probs: ArrayLike | None = None,
    embeddings: ArrayLike | None = None,
    draws: ArrayLike | None = None,
    labelled: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    **options: Any,
) -> Query:
    """Choose which rows of a pool to label next.

    Args:
        strategy: name of a query strategy, e.g. "margin"; those in `conf/query/`.
        size: how many rows to choose.
        seed: same seed, same answer. Chance is tied to row numbers: the same rows in another order may be chosen otherwise.
        probs: (N, C) probabilities; multi-class rows sum to 1. Before the first label, strategies that look at embeddings
            too begin without them: every class is as likely as the others.
        embeddings: (N, D) features.
        draws: (N, K, C) probabilities, or log-probabilities, of K stochastic passes or members of an ensemble; or an
            iterable of such pieces in the order of rows. Beside `probs` or `embeddings` also of N rows (K, C), or of K
            members (N, C); alone these cannot be told apart and are refused.
        labelled: (L,) rows that are labelled already; they are never chosen.
        labels: (L,) class numbers of those rows, or (L, C) of 0 and 1, which makes the task multi-label.
        **options: of the strategy, as in its yaml; and
            `task="multilabel"`;
            `head=(weights, bias)`, (C, D) and (C,), the last layer, for strategies that look inside it;
            `forecasts`, (L, C) probabilities predicted for the labelled rows before their labels were known, NaN for none;
            `columns`, a mapping of names to (N,) values of all rows, such as {"cost": ...};
            `among`, a mapping of the options in `conf/candidates/all.yaml`: which rows may be chosen.

    Returns:
        ids (size,) chosen rows, best first; scores (size,); reasons, a table of columns.

    Raises:
        ConfigError: unknown strategy or option.
        InvalidArray: an array that is missing, of the wrong shape, or not sound.
        PoolExhausted: fewer unlabelled rows than `size`.
    """
    task = _task(options.pop("task", None), labels)
    extra = {name: options.pop(name, None) for name in ("head", "forecasts", "columns")}
    among = options.pop("among", None)
    part = _build(strategy, options)
    view = _view(_arrays(probs, embeddings, draws), labelled, labels, task)
    view = _with(view, len(view) + len(view.labelled_ids), **extra)
    return _chosen(part, view, size, _chance(seed), _candidates(among, extra["columns"]))


def _chosen(
    strategy: QueryStrategy, view: PoolView, size: int, rng: np.random.Generator, candidates: Candidates
) -> Query:
    """Choose rows; before the first label, a strategy that looks at embeddings too takes every class for as likely."""
    cold = view.probs is None and view.embeddings is not None and not len(view.labelled_ids)
    if not cold or Need.PROBS | Need.EMBEDDINGS not in strategy.needs:
        return candidates.select(strategy, view, size, rng)
    view = dataclasses.replace(view, probs=np.full((len(view), 2), 0.5, dtype=np.float32))
    query = candidates.select(strategy, view, size, rng)
    unknown = ("predicted", "confidence")  # of no model
    return dataclasses.replace(
        query, reasons={key: value for key, value in query.reasons.items() if key not in unknown}
    )


def curation_report(
    embeddings: ArrayLike,
    chosen: ArrayLike,
    *,
    draws: int = 20,
    seed: int = 0,
    probs: ArrayLike | None = None,
    clusters: int | None = None,
    similarity: float = 0.95,
) -> CurationReport:
    """Compare a batch with random batches of its size from the same pool. `print` shows it as a table.

    Args:
        embeddings: (N, D) features of the pool.
        chosen: (B,) distinct rows of the batch.
        draws: how many random batches.
        seed: same seed, same report.
        probs: (N, C) probabilities, rows summing to 1, for the balance of predicted classes.
        clusters: how many k-means clusters the pool is cut into; None: the least of B, N / 5 and 500.
        similarity: cosine from which two picks are near-duplicates.

    Returns:
        `measures`: name -> value of the batch; mean and 90 % interval of the random batches; which end is better.

    Raises:
        ConfigError: an option out of range.
        InvalidArray: an array of the wrong shape or not sound, or chosen rows that are not there.

    >>> import numpy as np
    >>> pool = np.repeat(np.eye(4), 5, axis=0)
    >>> report = curation_report(pool, [0, 5, 10, 15])
    >>> report.measures["clusters_reached"].value, report.measures["near_duplicates"].value
    (1.0, 0.0)
    """
    points, rows = check_embeddings(embeddings), check_ids(chosen, "chosen")
    checked = None if probs is None else check_probs(probs, ids=np.arange(len(points)))
    return coverage.curation_report(
        points, rows, probs=checked, draws=draws, seed=seed, clusters=clusters, similarity=similarity
    )


def _head(head: Any) -> Head | None:
    if head is None or isinstance(head, Head):
        return head
    if not isinstance(head, (tuple, list)) or len(head) != 2:
        raise InvalidArray("head must be a pair: weights (C, D) and bias (C,) of the last layer.")
    return Head(np.asarray(head[0]), np.asarray(head[1]))


def _chance(seed: Any) -> np.random.Generator:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ConfigError(f"seed must be a whole number from 0 on; got {seed!r}.")
    return generator(int(seed), 0, "query")


def _arrays(probs: Any, embeddings: Any, draws: Any) -> dict[str, NDArray[Any]]:
    tables = {"probs": probs, "embeddings": embeddings}
    arrays = {name: _plain(array) for name, array in tables.items() if array is not None}
    if draws is not None:
        arrays["draws"] = _joined(draws, {len(array) for array in arrays.values() if array.ndim})
    return arrays


def _plain(array: Any) -> NDArray[Any]:
    """Return anything array-like as numpy; tensors wherever they live, in whatever precision, with a gradient or without."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        array = array.float() if array.is_floating_point() else array
    return np.asarray(array)


def _joined(draws: Any, rows: set[int]) -> NDArray[Any]:
    """Join pieces of draws to one array (N, K, C); `rows` is N according to the other arrays."""
    if hasattr(draws, "__array__"):
        return _plain(draws)
    items = list(draws)
    if items and not hasattr(items[0], "__array__") and np.ndim(items[0]) == 2:  # a nested list of numbers
        return np.asarray(items)
    pieces = [_plain(item) for item in items]
    if pieces and all(piece.ndim == 2 and piece.shape == pieces[0].shape for piece in pieces):
        as_rows, as_members = rows == {len(pieces)}, rows == {len(pieces[0])}
        if as_rows == as_members:
            raise InvalidArray(
                f"draws came as {len(pieces)} tables of shape {pieces[0].shape}; are these rows (K, C) or members (N, C)? "
                "Give np.stack(draws) for rows, np.stack(draws, axis=1) for members of an ensemble."
            )
        return np.stack(pieces, axis=0 if as_rows else 1)
    if not pieces or len({piece.shape[1:] for piece in pieces}) > 1 or any(piece.ndim != 3 for piece in pieces):
        raise InvalidArray(f"draws must be (N, K, C), or pieces of it; got {[piece.shape for piece in pieces[:5]]}.")
    return np.concatenate(pieces)


def _with(view: PoolView, count: int, head: Any, forecasts: Any, columns: Any) -> PoolView:
    """Return the view with what only some strategies look at; columns are over all rows of the pool."""
    chosen = {}
    for name, column in dict(columns or {}).items():
        if np.shape(column) != (count,):
            raise InvalidArray(f"column {name!r} must have a value for each of {count} rows; got {np.shape(column)}.")
        chosen[str(name)] = np.asarray(column)[view.ids]
    return dataclasses.replace(
        view,
        head=_head(head),
        forecasts=None if forecasts is None else np.asarray(forecasts),
        columns=chosen,
    )


def strategies() -> list[str]:
    """Return the names that `select` takes, in alphabetical order."""
    from poolwise.core.parts import part_names

    return part_names("query")


def _build(strategy: str, options: dict[str, Any]) -> Any:
    from poolwise.core.parts import build_named

    for name, value in options.items():
        if not isinstance(value, (str, int, float, bool, list, tuple, dict, type(None), Enum)):
            near = difflib.get_close_matches(name, ARRAYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"arrays are {listed(ARRAYS, most=20)}."
            raise ConfigError(f"{name} is a {type(value).__name__}, and no option of {strategy!r} takes that; {hint}")
    return build_named("query", strategy, options, word="query strategy", kind=QueryStrategy)


def _candidates(options: Any, columns: Any) -> Any:
    from omegaconf import OmegaConf

    from poolwise.core.parts import build_part, conf_dir

    if options is not None and not isinstance(options, Mapping):
        raise ConfigError(f'among must be a mapping of options, such as {{"duplicates": 0.98}}; got {options!r}.')
    node = OmegaConf.merge(
        OmegaConf.load(conf_dir() / "candidates" / "all.yaml"), OmegaConf.create(dict(options or {}))
    )
    rules = build_part(node, where="among", kind=Candidates)
    rules.check({str(name): np.asarray(column) for name, column in dict(columns or {}).items()})
    return rules


def _task(named: Any, labels: ArrayLike | None) -> Task:
    if named is None:
        return Task.MULTILABEL if labels is not None and np.ndim(labels) == 2 else Task.MULTICLASS
    try:
        return Task(named)
    except ValueError:
        raise ConfigError(f"task is {named!r}; it is one of {listed([task.value for task in Task])}.") from None


def _view(
    arrays: dict[str, NDArray[Any]], labelled: ArrayLike | None, labels: ArrayLike | None, task: Task
) -> PoolView:
    """Split arrays over all rows into those of the candidates and those of the labelled rows."""
    count = _count(arrays)
    known = check_ids(np.empty(0, dtype=np.int64) if labelled is None else labelled, "labelled")
    if known.size and known.max() >= count:
        raise InvalidArray(f"labelled must name rows from 0 to {count - 1}; got {listed(known[known >= count])}.")
    if labels is not None and np.shape(labels)[:1] != (len(known),):
        raise InvalidArray(
            f"labels must have one row for each of {len(known)} labelled rows; got shape {np.shape(labels)}."
        )
    rest: Ids = np.setdiff1d(np.arange(count, dtype=np.int64), known)
    rows = {name: array[rest] if known.size else array for name, array in arrays.items()}
    embeddings = arrays.get("embeddings")
    return PoolView(
        ids=rest,
        task=task,
        probs=rows.get("probs"),
        embeddings=rows.get("embeddings"),
        log_probs_nkc=_log_probs(rows["draws"]) if "draws" in rows else None,
        labelled_ids=known,
        labels=None if labels is None else check_labels(labels, task),
        labelled_embeddings=None if embeddings is None or not known.size else embeddings[known],
    )


def _count(arrays: dict[str, NDArray[Any]]) -> int:
    if not arrays:
        raise InvalidArray("give probs, embeddings or draws: the number of their rows is the size of the pool.")
    counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{name} {rows}" for name, rows in counts.items())
        raise InvalidArray(f"all arrays must have one row for each sample of the pool; got rows: {found}.")
    return next(iter(counts.values()))


def _log_probs(draws: NDArray[Any]) -> NDArray[Any]:
    # log-probabilities are never above 0, probabilities never below, but for rounding
    lowest = draws.min(initial=0)
    if not lowest >= -ROUNDING or draws.max(initial=0) <= 0:
        return draws
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: NDArray[Any] = np.log(np.maximum(draws, 0))
    return logs

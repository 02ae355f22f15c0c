"""How labels are written down.

As arrays: multi-class (L,) int64 with -1 for unknown; multi-label (L, C) int8 of 0 and 1, a row of -1 for unknown.
In answers and in the ledger: a class name, a tuple of class names, or None for "skipped".
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[Any]
Label = Union[str, tuple[str, ...], None]


class Task(str, Enum):
    """One class per picture, or any number of them."""

    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"


def is_known(labels: Labels) -> NDArray[np.bool_]:
    """Return (L,) which rows carry a label.

    >>> is_known(np.array([2, -1])).tolist()
    [True, False]
    >>> is_known(np.array([[0, 0], [-1, -1]])).tolist()
    [True, False]
    """
    return np.asarray(labels >= 0 if labels.ndim == 1 else (labels >= 0).all(axis=1), dtype=np.bool_)


def encode(labels: Sequence[Label], classes: Sequence[str], task: Task) -> Labels:
    """Turn names into arrays; None becomes unknown. The caller has checked that the names are in `classes`.

    >>> encode(["b", None], ["a", "b"], Task.MULTICLASS).tolist()
    [1, -1]
    >>> encode([("a", "b"), (), None], ["a", "b"], Task.MULTILABEL).tolist()
    [[1, 1], [0, 0], [-1, -1]]
    """
    number = {name: at for at, name in enumerate(classes)}
    if task is Task.MULTICLASS:
        return np.array([-1 if label is None else number[str(label)] for label in labels], dtype=np.int64)
    rows = np.full((len(labels), len(classes)), -1, dtype=np.int8)
    for at, label in enumerate(labels):
        if label is not None:
            rows[at] = 0
            rows[at, [number[name] for name in label]] = 1
    return rows


def decode(row: Any, classes: Sequence[str]) -> Label:
    """Turn one row of a label array into names; unknown becomes None.

    >>> decode(np.int64(1), ["a", "b"]), decode(np.array([1, 0]), ["a", "b"]), decode(np.int64(-1), ["a"])
    ('b', ('a',), None)
    """
    values = np.asarray(row)
    if values.ndim == 0:
        return None if values < 0 else classes[int(values)]
    return None if (values < 0).any() else tuple(classes[int(at)] for at in np.flatnonzero(values == 1))


def label_text(label: Label) -> str:
    """Return a label as one word; several joined by |, a lone | for none of the classes, "" for skipped.

    >>> label_text(("cat", "dog")), label_text("cat"), label_text(()), label_text(None)
    ('cat|dog', 'cat', '|', '')
    """
    return ("|".join(label) or "|") if isinstance(label, tuple) else label or ""


def strata(labels: Labels) -> NDArray[np.int64]:
    """Return (L,) what to keep in proportion: the class, or with several a sample its rarest one (C for none). All are known.

    >>> strata(np.array([[1, 1], [1, 0], [0, 0]])).tolist()
    [1, 0, 2]
    """
    if labels.ndim == 1:
        return labels.astype(np.int64)
    frequency = np.where((labels == 1).any(axis=0), (labels == 1).sum(axis=0), len(labels) + 1)
    ranked = np.where(labels == 1, frequency, len(labels) + 2)
    return np.asarray(np.where((labels == 1).any(axis=1), ranked.argmin(axis=1), labels.shape[1]), dtype=np.int64)

"""The checks at the doors for labels: what came fits together, once, and is trusted from there on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.checks import check_embeddings, check_labels, check_probs
from poolwise.core.errors import ConfigError, InvalidArray, listed
from poolwise.core.types import Floats, Labels, Task
from poolwise.quality.label_error.detectors import LabelView
from poolwise.quality.label_error.ensemble import Weighting, averaged, model_weights

SUSPICIOUS = 0.998
"""Agreement with the given labels from which probabilities look like those of the training set."""
ENOUGH = 200
"""Samples below which such agreement may well be chance."""


def label_view(
    labels: ArrayLike,
    probs: ArrayLike,
    embeddings: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    margins: ArrayLike | None = None,
    weights: str | Sequence[float] | None = None,
) -> LabelView:
    """Return checked arrays of samples with one label each; see `find_label_errors` for shapes.

    Raises:
        InvalidArray: arrays that do not fit, labels outside the classes or unknown, rows that are no probabilities.
        ConfigError: weights that there are not.
    """
    given = check_labels(labels)
    checked = _probs(given, probs, weights)
    if (given < 0).any():
        raise InvalidArray(
            f"labels must be known, 0 to {checked.shape[1] - 1}; rows {listed(np.flatnonzero(given < 0))} are -1. "
            "Leave them out."
        )
    given = check_labels(labels, classes=checked.shape[1])
    view = LabelView(given, checked, *_beside(len(given), embeddings, groups), _margins(len(given), margins))
    agreement = float((checked.argmax(axis=1) == given).mean()) if len(given) else 0.0
    if checked.shape[1] > 1 and len(np.unique(given)) > 1:
        _warn(agreement, len(given))
    return view


def several_labels(
    labels: ArrayLike, probs: ArrayLike, embeddings: ArrayLike | None = None, groups: ArrayLike | None = None
) -> tuple[Labels, LabelView]:
    """Return labels (N, C) of 0 and 1, and a view with probabilities that stand alone; its own labels are all 0.

    Raises:
        InvalidArray: as above.
    """
    checked = check_probs(probs, Task.MULTILABEL)
    given = check_labels(labels, Task.MULTILABEL, classes=checked.shape[1])
    _same(len(given), len(checked))
    if (given < 0).any():
        rows = np.flatnonzero((given < 0).any(axis=1))
        raise InvalidArray(f"labels must be known, 0 or 1; rows {listed(rows)} hold -1. Leave them out.")
    if given.any() and not given.all():
        _warn(float(((checked > 0.5) == given).all(axis=1).mean()) if len(given) else 0.0, len(given))
    nothing = np.zeros(len(given), dtype=np.int64)
    return given, LabelView(nothing, checked, *_beside(len(given), embeddings, groups))


def _probs(labels: Labels, probs: ArrayLike, weights: str | Sequence[float] | None) -> Floats:
    """Return one model's, or the mean of several."""
    array = np.asarray(probs)
    if array.ndim != 3:
        if weights is not None:
            raise ConfigError("weights are for the probabilities of several models, (M, N, C); these are of one.")
        checked = check_probs(array)
        _same(len(labels), len(checked))
        return checked
    if not len(array):
        raise InvalidArray("probs must be of at least one model; got shape " + str(array.shape) + ".")
    models = [check_probs(one, name=f"probs[{at}]") for at, one in enumerate(array)]
    _same(len(labels), array.shape[1])
    check_labels(labels, classes=array.shape[2])
    return averaged(models, _weights(np.maximum(labels, 0), models, weights))


def _weights(labels: Labels, models: Sequence[Floats], weights: str | Sequence[float] | None) -> NDArray[np.float64]:
    if weights is None or isinstance(weights, str):
        known = [kind.value for kind in Weighting]
        if weights is not None and weights not in known:
            raise ConfigError(f"weights must be one of {listed(known)}, or a number for each model; got {weights!r}.")
        return model_weights(labels, models, Weighting(weights or "even"))
    numbers = np.asarray(weights, dtype=np.float64)
    if numbers.shape != (len(models),) or not np.isfinite(numbers).all() or (numbers < 0).any() or not numbers.any():
        raise ConfigError(f"weights must be {len(models)} numbers from 0 on, not all 0; got {listed(numbers)}.")
    return np.asarray(numbers / numbers.sum())


def _beside(
    count: int, embeddings: ArrayLike | None, groups: ArrayLike | None
) -> tuple[Floats | None, NDArray[np.int64] | None]:
    points = None if embeddings is None else check_embeddings(embeddings)
    numbers = None if groups is None else _groups(groups)
    for name, array in (("embeddings", points), ("groups", numbers)):
        if array is not None and len(array) != count:
            raise InvalidArray(f"{name} must have a row for each of {count} samples; got {len(array)}.")
    return points, numbers


def _groups(groups: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(groups)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InvalidArray(f"groups must be (N,) whole numbers, -1 for none; got shape {array.shape}, {array.dtype}.")
    return array.astype(np.int64)


def _margins(count: int, margins: ArrayLike | None) -> NDArray[np.float64] | None:
    if margins is None:
        return None
    array = np.asarray(margins)
    if array.shape != (count,) or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise InvalidArray(
            f"margins must be ({count},) finite numbers, one a sample; got shape {array.shape}, {array.dtype}."
        )
    return array.astype(np.float64)


def _same(labels: int, probs: int) -> None:
    if labels != probs:
        raise InvalidArray(f"labels and probs must have a row for each sample; got {labels} and {probs}.")


def _warn(agreement: float, count: int) -> None:
    if count >= ENOUGH and agreement >= SUSPICIOUS:
        warnings.warn(
            f"{agreement:.2%} of the probabilities agree with the given label: are they of the model's own training set? "
            "Errors show in predictions for samples that the model has not learnt, e.g. by cross-validation.",
            stacklevel=4,
        )

"""Agreement of two sets of predictions of the same samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import InvalidArray
from poolwise.core.types import Labels


def cohen_kappa(first: Labels, second: Labels, classes: int) -> float:
    """Return the agreement of two raters beyond what their own frequencies give by chance (Cohen 1960, formula 1).

    kappa = (o - e) / (1 - e), where o is the share of samples on which they agree and e = sum_c p_c q_c from each
    rater's own shares of the classes.

    Args:
        first: (n,) class numbers, or (n, C) of 0 and 1: then the mean of the C kappas.
        second: of the same samples.
        classes: C.

    Returns:
        At most 1; 0 is chance. 1 where both give one and the same class throughout, where the formula is 0 / 0; NaN
        without samples.

    Raises:
        InvalidArray: shapes that differ, or numbers outside the classes.

    >>> cohen_kappa(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 2)  # o = 3/4, e = 1/2 * 3/4 + 1/2 * 1/4 = 1/2
    0.5
    """
    first, second = _checked(first, second, classes)
    if not len(first):
        return float("nan")
    if first.ndim == 1:
        return _kappa(first, second, classes)
    return float(np.mean([_kappa(first[:, at], second[:, at], 2) for at in range(first.shape[1])]))


def changed(first: Labels, second: Labels, classes: int) -> float:
    """Return the share of samples whose prediction differs, in [0, 1]; of (n, C) of 0 and 1, the mean over the labels.

    Raises:
        InvalidArray: as `cohen_kappa`.

    >>> changed(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 2)
    0.25
    """
    first, second = _checked(first, second, classes)
    return float((first != second).mean()) if len(first) else float("nan")


def agreement(before: Labels, after: Labels, classes: int) -> dict[str, float]:
    """Return `kappa` and `changed` between two rounds' predictions; arguments and errors as `cohen_kappa`."""
    return {"kappa": cohen_kappa(before, after, classes), "changed": changed(before, after, classes)}


def _kappa(first: NDArray[np.int64], second: NDArray[np.int64], classes: int) -> float:
    """Return kappa in whole numbers up to the last step, so that full agreement is 1 and not nearly 1.

    scikit-learn's takes 60 times as long, and a multi-label round needs one for each class.
    """
    count = len(first)
    agreed = int((first == second).sum())
    chance = int(np.bincount(first, minlength=classes) @ np.bincount(second, minlength=classes))
    return 1.0 if chance == count**2 else (count * agreed - chance) / (count**2 - chance)


def _checked(first: Any, second: Any, classes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    pair = np.asarray(first), np.asarray(second)
    if pair[0].shape != pair[1].shape or pair[0].ndim not in (1, 2):
        raise InvalidArray(f"predictions must be (n,) or (n, C) both times; got {pair[0].shape} and {pair[1].shape}.")
    top = classes - 1 if pair[0].ndim == 1 else 1
    for array in pair:
        if array.size and (array.dtype.kind not in "iub" or array.min() < 0 or array.max() > top):
            raise InvalidArray(f"predictions must be whole numbers in 0..{top}; got {array.min()} to {array.max()}.")
    return pair[0].astype(np.int64), pair[1].astype(np.int64)

"""Folds that keep classes in proportion and groups together, and what cannot be judged in them. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError, DataError
from poolwise.core.labels import strata
from poolwise.core.types import Labels

Numbers = NDArray[np.int64]


def fold_numbers(labels: Labels, groups: Numbers, folds: int, rng: np.random.Generator) -> Numbers:
    """Deal samples out to folds: each class evenly, a group to one fold.

    Larger groups are dealt first, each to the fold that has fewest of its class, of these to the one that has fewest at
    all. A class of fewer samples than folds is in some of them only.

    Args:
        labels: (n,) or (n, C), all known.
        groups: (n,) group numbers, -1 for a sample of its own.
        folds: how many, at least 2.
        rng: of the order within a class.

    Returns:
        (n,) fold from 0 to folds - 1; none is empty.

    Raises:
        ConfigError: fewer than 2 folds.
        DataError: fewer groups and lone samples than folds.

    >>> fold_numbers(np.array([0, 0, 1, 1]), np.array([-1] * 4), 2, np.random.default_rng(0)).reshape(2, 2).sum(axis=1).tolist()
    [1, 1]
    """
    if folds < 2:
        raise ConfigError(f"folds is {folds}; it must be at least 2.")
    alone = groups < 0
    units = groups.copy()
    units[alone] = groups.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    _, first, unit_of, sizes = np.unique(units, return_index=True, return_inverse=True, return_counts=True)
    if len(sizes) < folds:
        raise DataError(
            f"{len(labels)} labels in {len(sizes)} groups cannot be dealt out to {folds} folds; lower folds, or add labels."
        )
    classes = strata(labels)[first]
    order = np.lexsort((rng.permutation(len(sizes)), classes, -sizes))
    of_class = np.zeros((int(classes.max()) + 1, folds), dtype=np.int64)
    total = np.zeros(folds, dtype=np.int64)
    dealt = np.empty(len(sizes), dtype=np.int64)
    for unit in order.tolist():
        mine = of_class[classes[unit]]
        fold = int(np.lexsort((total, mine))[0])
        dealt[unit] = fold
        mine[fold] += sizes[unit]
        total[fold] += sizes[unit]
    return np.asarray(dealt[unit_of.reshape(-1)])


def unseen(labels: Labels, folds: Numbers) -> NDArray[np.bool_]:
    """Return (n,) samples whose class no other fold has: the model that scores them never saw it, so it cannot judge them.

    With several classes a sample, each of its classes has to be seen.

    >>> unseen(np.array([0, 0, 1]), np.array([0, 1, 1])).tolist()
    [False, False, True]
    """
    several = labels.ndim == 2
    count = labels.shape[1] if several else int(labels.max(initial=-1)) + 1
    elsewhere = np.zeros((int(folds.max(initial=-1)) + 1, count), dtype=np.bool_)
    for fold in range(len(elsewhere)):
        rest = labels[folds != fold]
        elsewhere[fold] = (rest == 1).any(axis=0) if several else np.bincount(rest, minlength=count) > 0
    if several:
        return np.asarray(((labels == 1) & ~elsewhere[folds]).any(axis=1))
    return np.asarray(~elsewhere[folds, labels])

"""The versions of the training labels that are compared. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.labels import strata
from poolwise.core.seeds import generator
from poolwise.core.types import LabelledSet, Labels, is_known
from poolwise.quality.pruning.pruned import Pruned

RAW, PRUNED, RELABELLED, REVIEWED, RANDOM, TRUTH = "raw", "pruned", "relabelled", "reviewed", "random_pruned", "truth"
ARMS = {
    RAW: "the labels as they are",
    PRUNED: "without the flagged samples",
    RELABELLED: "flagged samples with the label that is suggested",
    REVIEWED: "the first of the list with their true label, as people would give it",
    RANDOM: "without as many samples of each class, drawn at random",
    TRUTH: "all samples with their true label",
}
NEED_TRUTH = (REVIEWED, TRUTH)


@dataclass(frozen=True, eq=False)
class Case:
    """The training and test labels of one seed, and what cleaning says of them.

    Attributes:
        seed: of the noise, the folds, the drawing and the training.
        train: n samples with the labels that are given.
        pruned: what to leave out of them.
        listed: rows of `train` to look at, the most suspicious first.
        truth: (n,) true labels, unknown ones among them; None where none is known. No arm but those of `NEED_TRUTH` sees it.
        test: the test samples with the labels that are given.
        corrected: (t,) labels of `test` by a separate source; None where there is none.
        cleaned: what the same pruning says of the test samples, if that is asked for.
    """

    seed: int
    train: LabelledSet
    pruned: Pruned
    listed: NDArray[np.int64]
    truth: Labels | None
    test: LabelledSet
    corrected: Labels | None
    cleaned: Pruned | None = None

    @property
    def removed(self) -> NDArray[np.int64]:
        """Rows of `train` that are left out."""
        return np.flatnonzero(~self.pruned.keep)


def chosen(wanted: Sequence[str], *, truth: bool, suggests: bool) -> tuple[tuple[str, ...], list[str]]:
    """Return the arms that can be trained, in their usual order, and why others cannot.

    Raises:
        ConfigError: an unknown arm, or no raw one.

    >>> chosen(["pruned", "raw", "truth"], truth=False, suggests=True)[0]
    ('raw', 'pruned')
    """
    for name in wanted:
        if name not in ARMS:
            raise ConfigError(f"arms has {name!r}; they are some of {', '.join(ARMS)}.")
    if RAW not in wanted or len(set(wanted)) < 2:
        raise ConfigError(f"arms are {list(wanted)}; raw and at least one other: the others are compared with raw.")
    left, notes = [], []
    for name in ARMS:
        if name not in wanted:
            continue
        if name in NEED_TRUTH and not truth:
            notes.append(f"{name} is left out: no true label of a training sample is known.")
        elif name == RELABELLED and not suggests:
            notes.append(f"{name} is left out: this pruning suggests no labels.")
        else:
            left.append(name)
    return tuple(left), notes


def training_set(arm: str, case: Case, review: int | None) -> LabelledSet:
    """Return what an arm's model learns.

    Args:
        arm: one of `ARMS`.
        case: of the seed.
        review: how many of the list are looked at; None: as many as are left out.
    """
    ids, labels = case.train.ids, case.train.labels
    if arm == PRUNED:
        return LabelledSet(ids[case.pruned.keep], case.pruned.labels[case.pruned.keep])
    if arm == RANDOM:
        keep = np.ones(len(ids), dtype=np.bool_)
        keep[alike(labels, case.removed, generator(case.seed, 0, "random_pruned"))] = False
        return LabelledSet(ids[keep], labels[keep])
    if arm == RELABELLED and case.pruned.suggested is not None:
        return LabelledSet(ids, case.pruned.suggested)
    if arm == REVIEWED and case.truth is not None:
        some = np.zeros(len(ids), dtype=np.bool_)
        some[case.listed[: len(case.removed) if review is None else review]] = True
        return LabelledSet(ids, corrected(labels, case.truth, some))
    if arm == TRUTH and case.truth is not None:
        return LabelledSet(ids, corrected(labels, case.truth, np.ones(len(ids), dtype=np.bool_)))
    return case.train


def corrected(labels: Labels, truth: Labels, some: NDArray[np.bool_]) -> Labels:
    """Return labels with the true ones where they are known, of some rows.

    >>> corrected(np.array([0, 1, 2]), np.array([1, -1, 0]), np.array([True, True, False])).tolist()
    [1, 1, 2]
    """
    changed = labels.copy()
    rows = some & is_known(truth)
    changed[rows] = truth[rows]
    return changed


def alike(labels: Labels, removed: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw rows at random, of each class as many as are removed; of several classes a sample, of each rarest one.

    >>> rows = alike(np.array([0, 0, 0, 1, 1]), np.array([2, 3]), np.random.default_rng(0))
    >>> np.array([0, 0, 0, 1, 1])[rows].tolist()
    [0, 1]
    """
    of = strata(labels)
    drawn = [
        rng.choice(np.flatnonzero(of == each), int((of[removed] == each).sum()), replace=False)
        for each in np.unique(of[removed])
    ]
    return np.sort(np.concatenate([*drawn, np.empty(0, dtype=np.int64)])).astype(np.int64)

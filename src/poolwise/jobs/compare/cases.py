"""From the common splits to each seed's case: planted errors, detection inside the training part, pruning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError
from poolwise.core.seeds import generator
from poolwise.core.types import LabelledSet, Need, RunRecord, is_known
from poolwise.jobs.audit.judge import judge, probabilities
from poolwise.jobs.audit.out_of_sample import planned
from poolwise.jobs.audit.parts import AuditParts
from poolwise.jobs.compare.arms import Case, corrected
from poolwise.jobs.compare.parts import CompareParts
from poolwise.jobs.compare.settings import SEEDOO
from poolwise.jobs.compare.splits import Splits
from poolwise.jobs.trainings.fits import finish
from poolwise.quality.label_error.planted import confusions, plant
from poolwise.quality.pruning.pruned import Pruned

Rows = NDArray[np.int64]
Shares = NDArray[np.float64]


class Silent:
    """A display for work whose progress was shown before."""

    def say(self, line: str) -> None:
        """Say nothing."""

    warn = say

    def progress(self, what: str, done: int, total: int) -> None:
        """Show nothing."""

    def round_done(self, run: RunRecord, budget: int | None) -> None:
        """Show nothing."""


def cases(parts: CompareParts, common: Splits) -> list[Case]:
    """Return a case a seed; all models that detection needs are trained at once, so that none waits for another seed.

    Raises:
        DataError: fewer samples than folds, or a pruning that leaves nothing.
    """
    towards = _towards(parts, common)
    given = {seed: _given(parts, common, towards, seed) for seed in parts.settings.seeds}
    if Need.PROBS in parts.pruning.needs:
        _train_detectors(parts, common, [(seed, train) for seed, (train, _) in given.items()])
    return [_case(parts, common, seed, *sets) for seed, sets in given.items()]


def _towards(parts: CompareParts, common: Splits) -> Shares | None:
    """Return (C, C) to which classes errors are planted; None where none are."""
    settings, classes = parts.settings, len(parts.audit.images.manifest.classes)
    if not settings.planted.share:
        return None
    if settings.planted.shape == "confusion":
        probs = probabilities(of_seed(parts, settings.seeds[0]), common.train, common.around)[0]
        return np.asarray(confusions(common.train.labels, probs))
    return np.asarray((1 - np.eye(classes)) / (classes - 1))


def _given(parts: CompareParts, common: Splits, towards: Shares | None, seed: int) -> tuple[LabelledSet, LabelledSet]:
    """Return training and test set with the labels that everybody sees."""
    if towards is None:
        return common.train, common.test

    def changed(labelled: LabelledSet, purpose: str) -> LabelledSet:
        rng = generator(seed, 0, purpose)
        return LabelledSet(labelled.ids, plant(labelled.labels, parts.settings.planted.share, towards, rng))

    test = changed(common.test, "planted test labels") if parts.settings.planted.test else common.test
    return changed(common.train, "planted labels"), test


def of_seed(parts: CompareParts, seed: int) -> AuditParts:
    """Return the audit of one seed's training labels: nothing to review, no tables."""
    settings = replace(parts.audit.settings, seed=seed, budget=0)
    return replace(parts.audit, settings=settings, findings=None)


def _train_detectors(parts: CompareParts, common: Splits, sets: Sequence[tuple[int, LabelledSet]]) -> None:
    fits = []
    for seed, train in sets:
        audit = of_seed(parts, seed)
        groups = common.around.of(train.ids)[1]
        manifest = audit.images.manifest
        fits += planned(train, groups, audit.settings.partitions, audit.members, manifest, audit.cache)[0]
    finish(list({fit.file: fit for fit in fits}.values()), parts.audit.work, parts.audit.settings.jobs, parts.display)


def _case(parts: CompareParts, common: Splits, seed: int, train: LabelledSet, test: LabelledSet) -> Case:
    pruned, listed = _pruned(parts, common, train, seed)
    if not pruned.keep.any():
        raise DataError(
            f"seed {seed}: the pruning leaves none of {len(train)} training samples; lower its share, or raise its threshold."
        )
    truth = common.truth
    right = None
    if truth is not None and is_known(truth[test.ids]).any():
        right = corrected(test.labels, truth[test.ids], np.ones(len(test), dtype=np.bool_))
    cleaned = None
    if parts.settings.preset == SEEDOO:
        cleaned = parts.pruning.prune(common.around.of(test.ids)[1], test.labels)
    return Case(
        seed=seed,
        train=train,
        pruned=pruned,
        listed=listed,
        truth=None if truth is None else truth[train.ids],
        test=test,
        corrected=right,
        cleaned=cleaned,
    )


def _pruned(parts: CompareParts, common: Splits, train: LabelledSet, seed: int) -> tuple[Pruned, Rows]:
    """Return what the pruning says of the training labels, and the list of rows to look at."""
    groups = common.around.of(train.ids)[1]
    if Need.PROBS not in parts.pruning.needs:
        pruned = parts.pruning.prune(groups, train.labels)
        return pruned, np.flatnonzero(~pruned.keep)
    verdict = judge(replace(of_seed(parts, seed), display=Silent()), train, common.around)
    rows = np.searchsorted(train.ids, verdict.labelled.ids)
    part = parts.pruning.prune(groups[rows], train.labels[rows], verdict.found)
    keep, labels, suggested = np.ones(len(train), dtype=np.bool_), train.labels.copy(), train.labels.copy()
    keep[rows], labels[rows] = part.keep, part.labels
    if part.suggested is not None:
        suggested[rows] = part.suggested
    return Pruned(keep, labels, None if part.suggested is None else suggested), rows[verdict.found.ranking]

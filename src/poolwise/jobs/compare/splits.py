"""What all seeds share: training and test samples without leaks between them, and what is known of the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError, DataError
from poolwise.core.types import Ids, LabelledSet, Labels, Manifest, Task, is_known
from poolwise.jobs.audit.judge import Surroundings, readable, surroundings
from poolwise.jobs.audit.results import known_truth
from poolwise.jobs.compare.parts import CompareParts
from poolwise.jobs.samples import unreadable


@dataclass(frozen=True, eq=False)
class Splits:
    """What all seeds share.

    Attributes:
        around: near-copies and embeddings of all samples that can be read.
        train: training samples, ascending, with the labels of the data.
        test: test samples likewise.
        truth: true labels (N,) of all samples, unknown ones among them; None where none is known.
        leaks: training samples that are near-copies of test samples; they are left out of `train` where that is asked for.
        leaking: test samples that have such a near-copy.
        unread: pictures that cannot be read.
    """

    around: Surroundings
    train: LabelledSet
    test: LabelledSet
    truth: Labels | None
    leaks: int
    leaking: int
    unread: int


def split_samples(parts: CompareParts) -> Splits:
    """Split, look for leaks, and find the truth.

    Raises:
        DataError: no labels to train on or to test with, or of one class alone.
        ConfigError: errors are to be planted among labels of several classes a sample.
    """
    settings, manifest = parts.settings, parts.audit.images.manifest
    if settings.planted.share and manifest.task is Task.MULTILABEL:
        raise ConfigError("plant.share changes labels of one class a sample; this data set has several. Leave it at 0.")
    broken = {row[0] for row in unreadable(parts.audit.images, parts.display)}
    train, test = (
        _labelled(manifest, readable(parts.audit, broken, splits=splits))
        for splits in (parts.audit.settings.splits, (settings.test,))
    )
    _check(manifest, train, test, settings.test)
    around = surroundings(parts.audit, readable(parts.audit, broken))
    leaky, leaking = leaks(around, manifest, train.ids, test.ids)
    if settings.drop_leaks:
        train = LabelledSet(train.ids[~leaky], train.labels[~leaky])
        _check(manifest, train, test, settings.test)
    truth = manifest.labels if settings.planted.share else known_truth(manifest, settings.truth)
    if truth is not None and not is_known(truth[np.concatenate([train.ids, test.ids])]).any():
        truth = None
    return Splits(around, train, test, truth, int(leaky.sum()), int(leaking.sum()), len(broken))


def leaks(
    around: Surroundings, manifest: Manifest, train: Ids, test: Ids
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return training samples that are near-copies of test samples or share a group of the data, and those test samples."""
    pairs = around.ids[around.copies.pairs]
    both = np.concatenate([pairs, pairs[:, ::-1]])
    across = both[np.isin(both[:, 0], train) & np.isin(both[:, 1], test)]
    leaky, leaking = np.isin(train, across[:, 0]), np.isin(test, across[:, 1])
    if manifest.groups is not None:
        shared = set(manifest.groups[train]) & set(manifest.groups[test]) - {""}
        leaky |= np.isin(manifest.groups[train], list(shared))
        leaking |= np.isin(manifest.groups[test], list(shared))
    return leaky, leaking


def _labelled(manifest: Manifest, ids: Ids) -> LabelledSet:
    ids = ids[manifest.known()[ids]]
    return LabelledSet(ids, manifest.labels[ids])


def _check(manifest: Manifest, train: LabelledSet, test: LabelledSet, name: str) -> None:
    if not len(train) or not len(test):
        raise DataError(
            f"{manifest.name} has {len(train)} labelled training samples without a near-copy in the test set, and "
            f"{len(test)} labelled samples in {name}; both are needed. Say which split to test with by test=..."
        )
    if manifest.task is Task.MULTICLASS and len(np.unique(train.labels)) < 2:
        raise DataError(
            f"all {len(train)} training labels of {manifest.name} are the same class: there is nothing to tell apart; "
            "compare on labels of two classes or more."
        )

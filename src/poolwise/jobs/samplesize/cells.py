"""Every (size, repeat) of the experiment: its subset, its training, the file in which that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError
from poolwise.core.interfaces import ImageSource
from poolwise.core.labels import strata
from poolwise.core.seeds import derive, generator
from poolwise.core.types import LabelledSet, Manifest, Task
from poolwise.jobs.samples import unreadable
from poolwise.jobs.samplesize.parts import SampleSizeParts
from poolwise.jobs.samplesize.settings import SampleSizeConfig
from poolwise.jobs.trainings.fits import Fit, digest_of, digest_of_pictures, row_bytes
from poolwise.metric.curve.design import Cell, disjoint_subsets, nested_subsets, plan, sizes

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Splits:
    """What all sizes share.

    Attributes:
        manifest: of the pictures.
        train: all labelled samples to draw from, ascending.
        test: the one test set.
        leaks: samples left out of `train` since they are in one group with a test sample.
        unread: pictures that cannot be read.
    """

    manifest: Manifest
    train: LabelledSet
    test: LabelledSet
    leaks: int
    unread: int


def split_samples(parts: SampleSizeParts, images: ImageSource) -> Splits:
    """Return training and test samples, none of one group in both.

    Raises:
        DataError: no labels to train on or to test with, or of one class alone.
    """
    settings, manifest = parts.settings, images.manifest
    broken = [row[0] for row in unreadable(images, parts.display)]
    usable = manifest.known()
    usable[broken] = False
    learnt, tested = usable & np.isin(manifest.splits, settings.train), usable & (manifest.splits == settings.test)
    leaky = np.zeros_like(learnt)
    if manifest.groups is not None:
        shared = list(set(manifest.groups[learnt]) & set(manifest.groups[tested]) - {""})
        leaky = learnt & np.isin(manifest.groups, shared)
    train, test = (np.flatnonzero(which) for which in (learnt & ~leaky, tested))
    if not len(train) or not len(test):
        raise DataError(
            f"{manifest.name} has {len(train)} labelled samples to train on and {len(test)} in {settings.test} to measure with; "
            "both are needed. Say which splits they are by train=[...] and test=..."
        )
    labels = manifest.labels
    if manifest.task is Task.MULTICLASS and len(np.unique(labels[train])) < 2:
        raise DataError(
            f"all {len(train)} training labels of {manifest.name} are the same class; add labels of another."
        )
    return Splits(
        manifest, LabelledSet(train, labels[train]), LabelledSet(test, labels[test]), int(leaky.sum()), len(broken)
    )


def cells(settings: SampleSizeConfig, available: int, classes: int) -> tuple[Cell, ...]:
    """Return all trainings, the small ones first.

    Raises:
        ConfigError: too few samples for sizes that differ.
    """
    wanted = tuple(sorted(set(settings.sizes))) or sizes(available, shares=settings.shares, classes=classes)
    return plan(wanted, settings.repeats)


def subsets(train: LabelledSet, planned: Sequence[Cell], kind: str, seed: int) -> dict[Cell, Numbers]:
    """Return rows of `train` for each cell, ascending; a cell's stay the same when sizes or repeats are added.

    Raises:
        PoolExhausted: a size above the number of samples.
    """
    of = strata(train.labels)
    drawn_rows: dict[Cell, Numbers] = {}
    if kind == "nested":
        for repeat in sorted({cell.repeat for cell in planned}):
            chain = [cell.size for cell in planned if cell.repeat == repeat]
            drawn = nested_subsets(of, chain, generator(seed, repeat, "nested subsets"))
            drawn_rows |= {Cell(size, repeat): rows for size, rows in drawn.items()}
    else:
        for size in sorted({cell.size for cell in planned}):
            many = sum(cell.size == size for cell in planned)
            if kind == "disjoint":
                each = disjoint_subsets(of, size, many, generator(seed, size, "disjoint subsets"))
            else:
                rngs = [generator(seed, size, f"subset {repeat}") for repeat in range(many)]
                each = tuple(nested_subsets(of, [size], rng)[size] for rng in rngs)
            drawn_rows |= {Cell(size, repeat): rows for repeat, rows in enumerate(each)}
    return {cell: np.sort(rows) for cell, rows in drawn_rows.items()}


def trainings(
    common: Splits, rows: Mapping[Cell, Numbers], config: Mapping[str, Any], seed: int, cache: Path, labels: str = ""
) -> dict[Cell, Fit]:
    """Train a model for each cell, kept in a file named by all that shapes it; `labels` says in its name which ones."""
    same = digest_of_pictures(common.manifest, "samplesize", config)
    fits = {}
    for cell, chosen in rows.items():
        train = LabelledSet(common.train.ids[chosen], common.train.labels[chosen])
        of = derive(seed, cell.repeat, f"training on {cell.size}")
        file = cache / f"{digest_of(same, of, row_bytes(train), common.test.ids.astype('<i8').tobytes())}.npy"
        name = f"{cell.size} samples{labels}, repeat {cell.repeat + 1}"
        fits[cell] = Fit(name, "model", train, None, common.test.ids, of, file, config)
    return fits

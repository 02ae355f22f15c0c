"""Out-of-sample probabilities: the models to train, what each is to score, and the mean of what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.core.seeds import derive, generator
from poolwise.core.types import Floats, LabelledSet, Manifest
from poolwise.jobs.audit.folds import Numbers, fold_numbers, unseen
from poolwise.jobs.trainings.fits import Fit, digest_of, digest_of_pictures, row_bytes


@dataclass(frozen=True)
class Protocol:
    """How samples come to be scored.

    Attributes:
        folds: models of a repeat, each scoring the samples that it has not learnt; 0: one model that learns all of them
            and scores them too, as labelfix does.
        repeats: partitions whose probabilities are averaged.
        stop_share: of what is learnt, held back to stop the training early.
        seed: of partitions and training.
    """

    folds: int
    repeats: int
    stop_share: float
    seed: int


def planned(
    labelled: LabelledSet,
    groups: Numbers,
    protocol: Protocol,
    members: Mapping[str, Mapping[str, Any]],
    manifest: Manifest,
    cache: Path,
) -> tuple[list[Fit], np.ndarray]:
    """Return all fits, and (n,) which samples cannot be judged as no model that scores them has seen their class.

    Args:
        labelled: n samples, ascending ids.
        groups: (n,) near-copies, which stay in one fold; -1 for none.
        protocol: folds and repeats.
        members: name -> settings of pictures and learner.
        manifest: of the pictures.
        cache: folder of finished fits.

    Raises:
        DataError, ConfigError: see `fold_numbers`.
    """
    fits, blind = [], np.zeros(len(labelled), dtype=np.bool_)
    same = digest_of_pictures(manifest)
    for repeat in range(protocol.repeats):
        of = _partition(labelled, groups, protocol, repeat)
        blind |= False if protocol.folds == 0 else unseen(labelled.labels, of)
        for fold in range(max(1, protocol.folds)):
            here = of == fold if protocol.folds else np.ones(len(labelled), dtype=np.bool_)
            learnt = ~here if protocol.folds else here
            train, stop = _held_back(labelled, learnt, groups, protocol, repeat, fold)
            for member, config in members.items():
                seed = derive(protocol.seed, repeat, f"fold {fold} of {protocol.folds}, {member}")
                told = [same, config, seed, row_bytes(train), row_bytes(stop), labelled.ids[here].tobytes()]
                name = f"{member}, repeat {repeat + 1}, fold {fold + 1}" if protocol.folds else f"{member}, all samples"
                file = cache / f"{digest_of(*told)}.npy"
                fits.append(Fit(name, member, train, stop, labelled.ids[here], seed, file, config))
    return fits, blind


def averaged(fits: Sequence[Fit], labelled: LabelledSet, classes: int) -> Floats:
    """Return the (n, C) mean of what all finished fits say of each sample."""
    total = np.zeros((len(labelled), classes), dtype=np.float64)
    times = np.zeros(len(labelled), dtype=np.int64)
    for fit in fits:
        rows = np.searchsorted(labelled.ids, fit.scored)
        total[rows] += np.load(fit.file, allow_pickle=False)
        times[rows] += 1
    return np.asarray(total / times[:, None], dtype=np.float32)


def _partition(labelled: LabelledSet, groups: Numbers, protocol: Protocol, repeat: int) -> Numbers:
    if protocol.folds == 0:
        return np.zeros(len(labelled), dtype=np.int64)
    return fold_numbers(labelled.labels, groups, protocol.folds, generator(protocol.seed, repeat, "folds"))


def _held_back(
    labelled: LabelledSet, learnt: np.ndarray, groups: Numbers, protocol: Protocol, repeat: int, fold: int
) -> tuple[LabelledSet, LabelledSet | None]:
    """Return what is learnt, and what stops the training."""
    rows = np.flatnonzero(learnt)
    parts = round(1 / protocol.stop_share) if protocol.stop_share else 0
    if parts < 2 or len(rows) < 2 * parts:
        return LabelledSet(labelled.ids[rows], labelled.labels[rows]), None
    rng = generator(protocol.seed, repeat, f"stop of fold {fold}")
    stops = fold_numbers(labelled.labels[rows], groups[rows], parts, rng) == 0
    train, stop = rows[~stops], rows[stops]
    return LabelledSet(labelled.ids[train], labelled.labels[train]), LabelledSet(
        labelled.ids[stop], labelled.labels[stop]
    )

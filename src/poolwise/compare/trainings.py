"""The models of all arms and seeds: each is trained once, kept in a file named by what shapes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.audit.fits import Fit
from poolwise.compare.arms import Case, training_set
from poolwise.seeds import derive
from poolwise.types import LabelledSet, Manifest

Key = tuple[str, int]
"""(arm, seed)."""


def trainings(
    cases: Sequence[Case],
    arms: Sequence[str],
    review: int | None,
    member: tuple[str, Mapping[str, Any]],
    manifest: Manifest,
    cache: Path,
) -> dict[Key, Fit]:
    """A model for each arm and seed; arms of a seed that learn the same share a file.

    All arms of a seed have its weights to begin with and its order of samples, as far as they have the same ones.
    """
    name, config = member
    digests = manifest.digests()
    same = json.dumps(
        [digests["paths"], digests["pictures"], manifest.classes, manifest.task.value, config], default=str
    )
    found = {}
    for case in cases:
        seed = derive(case.seed, 0, "compared training")
        scored = np.union1d(case.test.ids, case.train.ids[case.removed])
        for arm in arms:
            train = training_set(arm, case, review)
            file = cache / f"{_digest(same, seed, train, scored.tobytes())}.npy"
            found[arm, case.seed] = Fit(f"{arm}, seed {case.seed}", name, train, None, scored, seed, file, config)
    return found


def _digest(same: str, seed: int, train: LabelledSet, scored: bytes) -> str:
    labels = np.ascontiguousarray(train.labels).astype("<i8").tobytes()
    digest = hashlib.sha256(f"compare {seed} {len(train)} {len(scored)} {same}".encode())
    for part in (train.ids.astype("<i8").tobytes(), labels, scored):
        digest.update(part)
    return digest.hexdigest()[:32]

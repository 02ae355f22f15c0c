"""The models of all arms and seeds: each is trained once, kept in a file named by what shapes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.core.seeds import derive
from poolwise.core.types import Manifest
from poolwise.jobs.compare.arms import Case, training_set
from poolwise.jobs.trainings.fits import Fit, digest_of, digest_of_pictures, row_bytes

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
    """Train a model for each arm and seed; arms of a seed that learn the same share a file.

    All arms of a seed have its weights to begin with and its order of samples, as far as they have the same ones.
    """
    name, config = member
    same = digest_of_pictures(manifest, "compare", config)
    fits = {}
    for case in cases:
        seed = derive(case.seed, 0, "compared training")
        scored = np.union1d(case.test.ids, case.train.ids[case.removed])
        for arm in arms:
            train = training_set(arm, case, review)
            file = cache / f"{digest_of(same, seed, row_bytes(train), scored.tobytes())}.npy"
            fits[arm, case.seed] = Fit(f"{arm}, seed {case.seed}", name, train, None, scored, seed, file, config)
    return fits

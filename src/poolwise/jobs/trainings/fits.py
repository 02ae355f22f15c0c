"""Models to train, and what each is to score. A finished one is a file named by all that shapes it.

So a job that was killed goes on where it was, and what another job has trained on the same is not trained again.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import PoolwiseError
from poolwise.core.files import write_bytes
from poolwise.core.interfaces import Display, FittedModel, ImageSource, Learner
from poolwise.core.parallel import Ended, run_all
from poolwise.core.types import Ids, LabelledSet, Manifest, Need

LOG = logging.getLogger("poolwise")
"""Goes to the log file of the job."""


@dataclass(frozen=True, eq=False)
class Fit:
    """One model to train, and what it is to score.

    Attributes:
        name: for people.
        member: which of the learners.
        train: what it learns.
        stop: what tells it when to stop, if the learner looks; or None.
        scored: (m,) ids that it is to score.
        seed: of the training.
        file: where its probabilities (m, C) go.
        config: settings of pictures and learner; a worker builds them anew.
    """

    name: str
    member: str
    train: LabelledSet
    stop: LabelledSet | None
    scored: Ids
    seed: int
    file: Path
    config: Mapping[str, Any]


def finish(fits: Sequence[Fit], work: Callable[[Fit], None], jobs: int, display: Display) -> None:
    """Train what is not finished, `jobs` at a time.

    Raises:
        PoolwiseError: a fit failed; the others are kept.
    """
    every = {fit.file: fit for fit in reversed(fits)}  # what learns the same is trained once, under its first name
    left = [fit for fit in reversed(every.values()) if not fit.file.is_file()]
    failures: list[str] = []
    done = len(every) - len(left)
    if done:
        display.say(f"{done} of {len(every)} models were trained before.")

    def ended(end: Ended[Fit, None]) -> None:
        nonlocal done
        if end.error:
            failures.append(f"{end.task.name}: {end.error}")
        done += 1
        LOG.info("%s%s, %d of %d", end.task.name, ": failed" if end.error else " trained", done, len(every))
        display.progress("models trained", done, len(every))

    display.progress("models trained", done, len(every))
    run_all(left, work, jobs, ended)
    if failures:
        raise PoolwiseError(
            f"{len(failures)} of {len(every)} models could not be trained; the rest is kept:\n  "
            + "\n  ".join(failures[:5])
        )


def fit_and_score(fit: Fit, images: ImageSource, learner: Learner) -> None:
    """Train one model and write what it says, whole or not at all."""
    model: FittedModel = learner.fit(images, fit.train, fit.stop, seed=fit.seed)
    probs = model.predict(images, fit.scored, Need.PROBS, seed=fit.seed).probs
    assert probs is not None
    write_bytes(fit.file, npy_bytes(probs))


def row_bytes(labelled: LabelledSet | None) -> bytes:
    """Return ids and labels as bytes."""
    return b"" if labelled is None else labelled.ids.astype("<i8").tobytes() + labelled.labels.astype("<i8").tobytes()


def digest_of(*parts: Any) -> str:
    """Return a digest of plain values and bytes, to name what they shape."""
    digest = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:32]


def digest_of_pictures(manifest: Manifest, *parts: Any) -> str:
    """Return a digest of these pictures, their classes and plain values or bytes; the labels are not among them."""
    digests = manifest.digests()
    return digest_of(digests["paths"], digests["pictures"], manifest.classes, manifest.task.value, *parts)


def npy_bytes(array: NDArray[Any]) -> bytes:
    """Return an array as the content of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()

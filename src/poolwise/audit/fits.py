"""Out-of-sample probabilities: the models to train, what each is to score, and what has been scored already.

A finished fit is a file named by all that shapes it: pictures, labels, settings, seed. So an audit that was killed goes on
where it was, and one of the same labels and settings does not train again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.audit.folds import Numbers, fold_numbers, unseen
from poolwise.engine.local import Ended, run_all
from poolwise.errors import PoolwiseError
from poolwise.files import write_bytes
from poolwise.loop.parts import Display
from poolwise.protocols import FittedModel, ImageSource, Learner
from poolwise.seeds import derive, generator
from poolwise.types import Floats, Ids, LabelledSet, Manifest, Need


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

    folds: int = 5
    repeats: int = 1
    stop_share: float = 0.0
    seed: int = 0


def planned(
    labelled: LabelledSet,
    groups: Numbers,
    protocol: Protocol,
    members: Mapping[str, Mapping[str, Any]],
    manifest: Manifest,
    cache: Path,
) -> tuple[list[Fit], np.ndarray]:
    """All fits, and (n,) which samples cannot be judged as no model that scores them has seen their class.

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
    same = digest_of(manifest.digests()["paths"], manifest.digests()["pictures"], manifest.classes, manifest.task.value)
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


def finish(fits: Sequence[Fit], work: Callable[[Fit], None], jobs: int, display: Display) -> None:
    """Train what is not finished, `jobs` at a time.

    Raises:
        PoolwiseError: a fit failed; the others are kept.
    """
    left = [fit for fit in fits if not fit.file.is_file()]
    failures: list[str] = []
    done = len(fits) - len(left)
    if done:
        display.say(f"{done} of {len(fits)} models were trained before.")

    def ended(end: Ended[Fit, None]) -> None:
        nonlocal done
        if end.error:
            failures.append(f"{end.task.name}: {end.error}")
        done += 1
        display.progress("models trained", done, len(fits))

    run_all(left, work, jobs, ended)
    if failures:
        raise PoolwiseError(
            f"{len(failures)} of {len(fits)} models could not be trained; the rest is kept:\n  "
            + "\n  ".join(failures[:5])
        )


def fit_and_score(fit: Fit, images: ImageSource, learner: Learner) -> None:
    """Train one model and write what it says, whole or not at all."""
    model: FittedModel = learner.fit(images, fit.train, fit.stop, seed=fit.seed)
    probs = model.predict(images, fit.scored, Need.PROBS, seed=fit.seed).probs
    assert probs is not None
    write_bytes(fit.file, npy_bytes(probs))


def averaged(fits: Sequence[Fit], labelled: LabelledSet, classes: int) -> Floats:
    """(n, C) mean of what all finished fits say of each sample."""
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
    """What is learnt, and what stops the training."""
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


def row_bytes(labelled: LabelledSet | None) -> bytes:
    """Ids and labels as bytes."""
    return b"" if labelled is None else labelled.ids.astype("<i8").tobytes() + labelled.labels.astype("<i8").tobytes()


def digest_of(*parts: Any) -> str:
    """Name of what plain values and bytes shape."""
    digest = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:32]


def npy_bytes(array: NDArray[Any]) -> bytes:
    """An array as the content of an .npy file."""
    import io

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()

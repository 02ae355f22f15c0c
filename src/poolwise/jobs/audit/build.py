"""From a resolved configuration to the parts of an audit, and the name of its run."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.files import write_bytes
from poolwise.core.interfaces import Annotator, Display, ImageSource, Learner, Tracker
from poolwise.core.parts import build_part, construct
from poolwise.core.seeds import derive
from poolwise.core.types import Floats, Ids, LabelledSet, Labels, Need, RunRecord
from poolwise.data.predictions import read_predictions
from poolwise.jobs.audit.copies import Believed, Copies
from poolwise.jobs.audit.parts import AuditParts
from poolwise.jobs.audit.settings import AuditConfig
from poolwise.jobs.run_folder import check_name, name_of, with_votes
from poolwise.jobs.trainings.build import images_of, learner_and_pictures, member_of, work_of
from poolwise.jobs.trainings.fits import digest_of, npy_bytes, row_bytes
from poolwise.model.patch_embeddings import patch_embeddings
from poolwise.quality.duplicates.find import find_duplicates
from poolwise.quality.label_error.choice import PlantedScore
from poolwise.quality.label_error.detectors import Detector
from poolwise.quality.label_error.find import find_with
from poolwise.quality.label_error.label_errors import LabelErrors
from poolwise.quality.label_error.methods import class_findings, compare_detectors

PLANTED = ("detector", "shape", "share", "k", "precision", "recall", "average_precision")
"""Columns of the table of detectors."""
IMPORTED = "predictions_sha256"
"""Added to the settings of an audit whose probabilities come from a file."""
FIRST = "model"
"""Name of the first learner; those of `also` have names of their own."""
OLD_ENOUGH = 2
"""Samples below which there are no neighbours to speak of."""
NEAREST = 5
"""Nearest pictures among which copies are looked for: all pairs of hand-written digits would be millions."""


def audit_name(choices: Mapping[str, str], overrides: Sequence[str], seed: int, *, sweep: bool = False) -> str:
    """Return the name of an audit's run: the same command gives the same name, so that it goes on.

    >>> audit_name({"data": "digits", "label_error": "auto"}, ["folds=3"], 0)
    'audit-digits-auto-seed0-folds=3'
    """
    return f"audit-{name_of('label_error', choices, [each for each in overrides if not _unnamed(each)], seed)}"


def _unnamed(override: str) -> bool:
    return override.split("=")[0].lstrip("+~") in ("budget", "jobs", "cache")


def ending(record: RunRecord) -> list[str]:
    """Return what the user should know when the command returns."""
    lines = [record.message] if record.message else []
    lines += [f"{record.name}: {record.stop_reason}"] if record.stop_reason and record.results.get("reviewed") else []
    return [*lines, f"list: {record.folder / 'label_issues.csv'}", f"report: {record.folder / 'report.html'}"]


def audit_parts(
    config: Mapping[str, Any], *, name: str, method: str, command: str, display: Display, folder: Path | None = None
) -> AuditParts:
    """Return everything an audit needs, built.

    Raises:
        ConfigError: names the setting.
    """
    check_name(name)
    settings: AuditConfig = construct(AuditConfig, {key: value for key, value in config.items() if key != IMPORTED})
    if settings.predictions is not None:  # other predictions are another audit
        config = {**config, IMPORTED: _sha256(Path(settings.predictions).expanduser())}
    pictures, cache = images_of(settings.data, settings.trusted), Path(settings.cache)
    members = members_of(settings, pictures)
    learner, images = learner_and_pictures(members[FIRST]["model"], pictures, settings.trusted, cache)
    annotator = build_part(settings.annotation, where="annotation", trusted=settings.trusted, kind=Annotator)
    if annotator.simulated:
        annotator = annotator.knowing(images)
    place = folder or Path(settings.runs) / name
    return AuditParts(
        run=name,
        folder=place,
        cache=cache / "fits",
        settings=settings,
        config=dict(config),
        method=method,
        images=images,
        members=members,
        work=work_of(images, settings.jobs, settings.trusted, cache),
        embed=_embed(settings, images, learner, cache / "embeddings", display),
        duplicates=partial(duplicates_among, images, settings.threshold, cache / "copies"),
        find=partial(find_errors, dict(settings.label_error), settings.seed, settings.trusted),
        annotator=with_votes(annotator, config, place, name),
        tracker=build_part(settings.tracking, where="tracking", trusted=settings.trusted, kind=Tracker),
        display=display,
        margins=_margins(settings, images, members[FIRST], learner, cache / "margins"),
        imported=_imported(settings, images),
        findings=partial(_findings, images.manifest.classes, settings.seed),
        command=command,
    )


def members_of(settings: AuditConfig, images: ImageSource) -> dict[str, dict[str, Any]]:
    """Return name -> settings of pictures and learner, all that a worker needs."""
    learners = {"model": settings.model, **{f"also.{name}": node for name, node in dict(settings.also or {}).items()}}
    return {
        where.removeprefix("also."): member_of(
            node, where, data=settings.data, trainer=settings.trainer, trusted=settings.trusted, images=images
        )
        for where, node in learners.items()
    }


def _embed(
    settings: AuditConfig, images: ImageSource, learner: Learner, folder: Path, display: Display
) -> Callable[[Ids], Floats | None]:
    if settings.embeddings == "none":
        return lambda ids: None
    return partial(embedded, images, learner, folder, display)


def embedded(images: ImageSource, learner: Learner, folder: Path | None, display: Display, ids: Ids) -> Floats | None:
    """Return embeddings that no label went into: of trained weights, else of patches of these pictures."""
    if len(ids) <= OLD_ENOUGH:
        return None
    found = learner.embed(images, ids, display.progress)
    if found is not None:
        return np.asarray(found, dtype=np.float32)
    return patch_embeddings(images, ids, folder=folder, progress=display.progress)


def duplicates_among(
    images: ImageSource, threshold: float, folder: Path, ids: Ids, embeddings: Floats | None
) -> Copies:
    """Return near-copies among samples; kept in a file, as no label goes into them."""
    points = np.zeros((len(ids), 1), dtype=np.float32) if embeddings is None else embeddings
    pictures = images.manifest.digests()["pictures"]
    name = digest_of(pictures, threshold, NEAREST, ids.tobytes(), np.ascontiguousarray(points).tobytes())
    file = folder / f"{name}.npz"
    if not file.is_file():
        found = find_duplicates(
            points, threshold=threshold, images=lambda rows: images.read(ids[rows]), neighbours=NEAREST
        )
        content = io.BytesIO()
        np.savez(content, pairs=found.pairs, similarity=found.similarity, groups=found.groups, exact=found.exact)
        write_bytes(file, content.getvalue())
    with np.load(file, allow_pickle=False) as kept:
        return Believed(kept["pairs"], kept["similarity"], kept["groups"], kept["exact"], 0)


def find_errors(
    detector: Mapping[str, Any],
    seed: int,
    trusted: Sequence[str],
    labels: Labels,
    probs: Floats,
    embeddings: Floats | None,
    groups: NDArray[np.int64],
    margins: NDArray[np.float64] | None = None,
) -> LabelErrors:
    """Return what a detector, built from its settings, finds wrong among labels."""
    part = build_part(dict(detector), where="label_error", trusted=trusted, kind=Detector)
    return find_with(part, labels, probs, embeddings=embeddings, groups=groups, margins=margins, seed=seed)


def _margins(
    settings: AuditConfig, images: ImageSource, member: Mapping[str, Any], learner: Learner, folder: Path
) -> Callable[[LabelledSet], NDArray[np.float64]] | None:
    """Return how each label is learnt, where the detector looks at that: one training on all of them."""
    detector = build_part(dict(settings.label_error), where="label_error", trusted=settings.trusted, kind=Detector)
    if Need.MARGINS not in detector.needs:
        return None

    def areas(labelled: LabelledSet) -> NDArray[np.float64]:
        digests, seed = images.manifest.digests(), derive(settings.seed, 0, "margins")
        file = folder / f"{digest_of(digests['paths'], digests['pictures'], member, seed, row_bytes(labelled))}.npy"
        if not file.is_file():
            margins = learner.margins(images, labelled, seed=seed)
            if margins is None:
                raise ConfigError(
                    f"{type(learner).__name__} tells no margins; choose a network that is trained, e.g. model=small_cnn."
                )
            write_bytes(file, npy_bytes(margins))
        return np.asarray(np.load(file, allow_pickle=False), dtype=np.float64)

    return areas


def _findings(
    classes: Sequence[str],
    seed: int,
    labels: Labels,
    probs: Floats,
    embeddings: Floats | None,
    groups: NDArray[np.int64],
) -> dict[str, dict[str, list[Any]]]:
    """Return which detector finds errors planted in these labels, and what the errors say of classes."""
    if labels.ndim == 2:
        return {}
    scores = compare_detectors(labels, probs, embeddings=embeddings, groups=groups, seed=seed)
    found = class_findings(labels, probs)
    pairs = [pair for pair in found.overlaps if pair.count]
    rows = found.worst.tolist()
    return {
        "detectors": _by_detector(scores),
        "detector_trials": {name: [getattr(row, name) for row in scores] for name in PLANTED} if scores else {},
        "class_pairs": {
            "class": [classes[pair.first] for pair in pairs],
            "taken_for": [classes[pair.second] for pair in pairs],
            "share": [round(pair.share, 5) for pair in pairs],
            "labels": [pair.count for pair in pairs],
        },
        "classes": {
            "class": [classes[row] for row in rows],
            "labels": found.sizes[rows].tolist(),
            "wrong_share": _rounded(found.noise[rows]),
            "missed_share": _rounded(found.inverse_noise[rows]),
            "ambiguity": _rounded(found.ambiguity[rows]),
        },
    }


def _by_detector(scores: Sequence[PlantedScore]) -> dict[str, list[Any]]:
    """Return a row a detector: precision among as many as were planted, and average precision, for each shape of errors."""
    names = list(dict.fromkeys(row.detector for row in scores))
    columns: dict[str, list[Any]] = {"detector": names} if names else {}
    for shape in dict.fromkeys(row.shape for row in scores):
        mine = [[row for row in scores if (row.detector, row.shape) == (name, shape)] for name in names]
        middle = [sorted(rows, key=lambda row: row.k)[len(rows) // 2] for rows in mine]
        columns[f"{shape}_precision"] = [row.precision for row in middle]
        columns[f"{shape}_average_precision"] = [row.average_precision for row in middle]
    return columns


def _rounded(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 4) for value in values]


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _imported(settings: AuditConfig, images: ImageSource) -> Callable[[Ids], Floats] | None:
    if settings.predictions is None:
        return None
    file = Path(str(settings.predictions))
    return lambda ids: read_predictions(file, images.manifest, ids, images.numbers)

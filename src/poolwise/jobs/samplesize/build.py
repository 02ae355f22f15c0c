"""From a resolved configuration to the parts of a sample-size experiment, and the name of its run."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.core.errors import ConfigError, DataError, listed
from poolwise.core.interfaces import Display, ImageSource, Tracker
from poolwise.core.parts import build_part, construct
from poolwise.core.types import Labels, Manifest
from poolwise.data.relabelled import labels_from
from poolwise.data.tables import read_csv
from poolwise.jobs.audit.results import known_truth
from poolwise.jobs.run_folder import check_name, name_of
from poolwise.jobs.samplesize.measured import Imported, Point
from poolwise.jobs.samplesize.parts import SampleSizeParts, Training
from poolwise.jobs.samplesize.schedule import held_constant
from poolwise.jobs.samplesize.settings import SampleSizeConfig
from poolwise.jobs.trainings.build import images_of, member_of, work_of
from poolwise.metric.curve.family import Family
from poolwise.metric.curve.posterior import Prior

UNNAMED = ("jobs", "cache", "target", "class_target", "metric", "most", "at", "unit")
"""Settings that leave the name as it is: they change no training."""

MISSING = ("", "nan", "na", "n/a", "none", "null")
"""Words for a score that is not there, as tables have them."""


def samplesize_name(choices: Mapping[str, str], overrides: Sequence[str], seed: int, *, sweep: bool = False) -> str:
    """Return the name of an experiment's run: the same command gives the same name, so that it goes on.

    In a sweep the target and its like are in it too: each of its jobs has a folder of its own.

    >>> samplesize_name({"data": "digits", "model": "small_cnn"}, ["target=0.95", "hold=epochs"], 0)
    'samplesize-digits-small_cnn-seed0-hold=epochs'
    >>> samplesize_name({"data": "digits", "model": "small_cnn"}, ["target=0.95"], 0, sweep=True)
    'samplesize-digits-small_cnn-seed0-target=0.95'
    """
    unnamed = ("jobs", "cache") if sweep else UNNAMED
    named = [each for each in overrides if each.split("=")[0].lstrip("+~") not in unnamed]
    points = [each.partition("=")[2] for each in named if each.startswith("points=")]
    if points:
        choices = {"data": _file_name(Path(points[-1])), "model": "points"}
    others = [each for each in named if not each.startswith("points=")]
    return f"samplesize-{name_of('model', choices, others, None if points else seed)}"


def _file_name(file: Path) -> str:
    """Return a file's name, with a digest of its folder where that is another one: two files must not share a run.

    >>> _file_name(Path("points.csv")), _file_name(Path("mine/points.csv"))
    ('points', 'points-10bfd505')
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", file.stem).strip("._-") or "points"
    whole = file.with_suffix("").as_posix()
    return name if name == whole else f"{name}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def samplesize_parts(
    config: Mapping[str, Any], *, name: str, method: str, command: str, display: Display, folder: Path | None = None
) -> SampleSizeParts:
    """Return everything an experiment needs, built.

    Raises:
        ConfigError: names the setting.
        DataError: points that cannot be read.
    """
    check_name(name)
    settings: SampleSizeConfig = construct(SampleSizeConfig, dict(config))
    prior = build_part(settings.curve, where="curve", trusted=settings.trusted, kind=(Prior, Family))
    source: dict[str, Any]
    if settings.points is not None:
        source = {"imported": read_points(Path(settings.points), settings.metric, settings.higher_is_better)}
    else:
        images = images_of(settings.data, settings.trusted)
        source = {
            "images": images,
            "learner": _learner(settings, images),
            "work": work_of(images, settings.jobs, settings.trusted, Path(settings.cache)),
            "clean": None if settings.clean is None else clean_labels(settings.clean, images.manifest),
        }
    return SampleSizeParts(
        run=name,
        folder=folder or Path(settings.runs) / name,
        cache=Path(settings.cache) / "fits",
        settings=settings,
        config=dict(config),
        method=method if settings.points is None else "points",
        prior=prior if isinstance(prior, Prior) else Prior(members={"curve": prior}),
        tracker=build_part(settings.tracking, where="tracking", trusted=settings.trusted, kind=Tracker),
        display=display,
        command=command,
        **source,
    )


def clean_labels(source: str, manifest: Manifest) -> Labels:
    """Return (N,) labels after cleaning, -1 where there is none: a column of the data, or a table path, label.

    Raises:
        ConfigError: neither a column nor a file.
        DataError: values that are no classes, or paths that are not in the data.
    """
    if source in manifest.columns:
        truth = known_truth(manifest, source)
        if truth is None:
            raise ConfigError(
                f"clean={source}: labels of a column are for one class a sample; these data have several."
            )
        return truth
    if not Path(source).expanduser().is_file():
        columns = f"the columns {listed(manifest.columns)}" if manifest.columns else "no further columns"
        raise ConfigError(f"clean is {source!r}: there is no such file, and the data have {columns}.")
    labels = np.full(len(manifest), -1, dtype=np.int64)
    for row, label in labels_from(Path(source).expanduser(), manifest):
        labels[row] = label
    return labels


def _learner(settings: SampleSizeConfig, images: ImageSource) -> Callable[[int, int], Training]:
    """Return how every size is trained, once the smallest and the largest are known."""
    member = member_of(
        settings.model, "model", data=settings.data, trainer=settings.trainer, trusted=settings.trusted, images=images
    )

    def learner(smallest: int, largest: int) -> Training:
        training = held_constant(member["model"], settings.hold, settings.steps, smallest, largest)
        return replace(training, config={**member, "model": training.config})

    return learner


def read_points(file: Path, metric: str | None, higher: bool) -> Imported:
    """Read scores measured elsewhere: a CSV of size, score and, if it is there, repeat; NaN for a missing score.

    Raises:
        DataError: no such file, a missing column, or a value that is no number; names the line.
    """
    if not file.is_file():
        raise DataError(f"points={file}: there is no such file.")
    table = read_csv(file)
    missing = [name for name in ("size", "score") if name not in table.columns]
    if missing:
        raise DataError(f"{file} lacks the column {', '.join(missing)}; it needs size and score, and may have repeat.")
    name = metric or ("accuracy" if higher else "error")
    seen: dict[float, int] = {}
    points = []
    for row, place in table.rows:
        size = _number(row.get("size"), "size", place)
        score = math.nan if _missing(row.get("score")) else _number(row.get("score"), "score", place)
        if not 0 < size < math.inf or math.isinf(score):
            raise DataError(f"{place}: size {size:g} and score {score:g}; they are finite, the size above 0.")
        repeat = seen.get(size, 0)
        seen[size] = repeat + 1
        points.append(Point(size, repeat, {name: score}))
    if not points:
        raise DataError(f"{file} has no line below its header; it needs one for each training.")
    return Imported(file.name, hashlib.sha256(file.read_bytes()).hexdigest(), name, tuple(points))


def _missing(text: Any) -> bool:
    return str(text or "").strip().lower() in MISSING


def _number(text: Any, column: str, place: str) -> float:
    try:
        return float(str(text).strip())
    except ValueError:
        raise DataError(f"{place}: {column} is {text!r}; it must be a number.") from None

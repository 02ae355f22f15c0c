"""One cell: an ordinary loop run without a control, then what only a benchmark asks: how much of the whole pool is right."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.core.errors import ConfigError
from poolwise.core.files import write_text
from poolwise.core.interfaces import Tracker
from poolwise.core.parts import first_names
from poolwise.core.seeds import derive
from poolwise.core.types import Need, RunRecord, Task
from poolwise.jobs.benchmark.plan import Cell
from poolwise.jobs.loop.job import loop_job
from poolwise.jobs.loop.parts import Parts
from poolwise.jobs.loop.runner import last_model
from poolwise.jobs.resume import flatten
from poolwise.jobs.samples import pool_left, training_set
from poolwise.ledger.store import OpenLedger

FILE_NAME = "cell.json"
VERSION = 1
WITHOUT_EFFECT = ("tracking", "runs", "run_name", "verbose", "trusted", "trainer.enable_progress_bar")
"""Settings that leave the numbers of a cell as they are."""


@dataclass(frozen=True)
class Point:
    """A cell after one round.

    Attributes:
        round: its number.
        labelled: labels trained on.
        score: the headline metric on the held-out set; None where there is none.
        select_seconds: time to choose this round's batch, the scoring of the pool included.
        train_seconds: time to train on all labels so far.
    """

    round: int
    labelled: int
    score: float | None
    select_seconds: float
    train_seconds: float


@dataclass(frozen=True)
class CellResult:
    """What a finished cell leaves for the tables.

    Attributes:
        settings: digest of the settings that shape it; another one means that it is to go on, or is another cell.
        told: whether the tracker knows all of it.
        pool_accuracy: share of the whole pool that is right: answers as given, the last model for the rest; None unknown.
        warnings: what the run warned of.
    """

    cell: Cell
    settings: str
    metric: str
    points: tuple[Point, ...]
    pool_accuracy: float | None
    told: bool
    warnings: tuple[str, ...] = ()


def digest_of(config: Mapping[str, Any]) -> str:
    """Return the digest of the settings that shape a cell.

    >>> digest_of({"seed": 1, "verbose": True}) == digest_of({"seed": 1, "verbose": False})
    True
    """
    flat = {key: value for key, value in flatten(first_names(config)).items() if not _without_effect(key)}
    return hashlib.sha256(json.dumps(flat, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _without_effect(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in WITHOUT_EFFECT)


def run_cell(cell: Cell, parts: Parts, ledger: OpenLedger) -> CellResult:
    """Run or go on with a cell to its end, and write down what it came to.

    Raises:
        ConfigError: people would have to answer, or nothing is held out to measure on.
    """
    labels = parts.images.manifest.labels[:0]
    if not parts.annotator.simulated or parts.annotator.share_right(np.empty(0, dtype=np.int64), labels) is None:
        raise ConfigError("a benchmark is simulated: it needs annotation=oracle, or an annotator with `share_right`.")
    heard, tracker = Heard(), Noted(parts.tracker)
    parts = replace(parts, display=heard, tracker=tracker)
    record = loop_job([parts], ledger)[0]
    if record.status != "stopped":
        raise ConfigError(f"the run did not end: {record.message or record.status}.")
    points = tuple(_points(record))
    if not any(point.score is not None for point in points):
        raise ConfigError(
            f"{record.data.get('name')} holds nothing out to measure on; give it a test split, or test_size."
        )
    share = pool_accuracy(parts, ledger)
    result = CellResult(cell, digest_of(parts.config), record.metric, points, share, tracker.told, tuple(heard.lines))
    write_text(parts.folder / FILE_NAME, json.dumps({"version": VERSION, **asdict(result)}, indent=1) + "\n")
    return result


def stored_cell(folder: Path) -> CellResult | None:
    """Return what a finished cell left, None where nothing (readable) is."""
    try:
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        if content.pop("version") != VERSION:
            return None
        cell, points = Cell(**content.pop("cell")), tuple(Point(**row) for row in content.pop("points"))
        return CellResult(**{**content, "cell": cell, "points": points, "warnings": tuple(content["warnings"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def pool_accuracy(parts: Parts, ledger: OpenLedger) -> float | None:
    """Return the share of the whole pool right after a run: people's answers where there are, else the last model's.

    What a labelling project has in the end. Skipped, unreadable and held-out samples do not count. Needs the hidden
    labels, so the annotator counts; nothing but the share comes back.
    """
    state, model = ledger.state(parts.run), last_model(parts, ledger)
    if model is None:
        return None
    manifest = parts.images.manifest
    answered, rest = training_set(state, manifest), pool_left(state, manifest)
    ids, labels = [answered.ids], [answered.labels]
    if len(rest):
        seed = derive(parts.settings.seed, len(state.rounds), "draws")
        probs = model().predict(parts.images, rest, Need.PROBS, seed=seed).probs
        assert probs is not None
        several = manifest.task is Task.MULTILABEL
        ids.append(rest)
        labels.append((probs >= 0.5).astype(np.int8) if several else probs.argmax(axis=1).astype(np.int64))
    share = parts.annotator.share_right(np.concatenate(ids), np.concatenate(labels))
    return None if share is None or math.isnan(share) else share


def _points(record: RunRecord) -> list[Point]:
    points = []
    for round_ in record.rounds:
        score = round_.metrics.get(record.metric)
        seconds = round_.seconds
        select, train = seconds.get("select", math.nan), seconds.get("train", math.nan)
        points.append(Point(round_.round, round_.labelled, score, round(select, 3), round(train, 3)))
    return points


@dataclass
class Noted(Tracker):
    """A tracker that remembers whether it could tell all."""

    tracker: Tracker
    told: bool = False

    def sync(self, run: RunRecord, **more: Any) -> bool:
        """Pass on; see `interfaces.Tracker`."""
        self.told = self.tracker.sync(run, **more)
        return self.told


class Heard:
    """A display that keeps warnings: several cells at once would talk over one another."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Say nothing: nobody listens."""

    def warn(self, line: str) -> None:
        """Keep it for the results."""
        self.lines.append(line)

    def progress(self, what: str, done: int, total: int) -> None:
        """Show nothing: nobody looks."""

    def round_done(self, run: RunRecord, budget: int | None) -> None:
        """Show nothing: nobody looks."""

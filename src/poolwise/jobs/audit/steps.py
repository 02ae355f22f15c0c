"""The steps of an audit: each turns (state, parts) into the facts to append. Arrays are written before the fact."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.core.errors import ConfigError, DataError
from poolwise.core.seeds import generator
from poolwise.core.types import (
    Annotation,
    Answer,
    Batch,
    LabelledSet,
    Labels,
    Manifest,
    RunRecord,
    Task,
    decode,
    label_text,
)
from poolwise.jobs.answers import cannot_tell, is_old, received, second_look
from poolwise.jobs.audit import tables
from poolwise.jobs.audit.judge import Surroundings, Verdict, judge, probabilities, readable, surroundings
from poolwise.jobs.audit.parts import AuditParts
from poolwise.jobs.audit.results import known_truth, results, scored, sentences
from poolwise.jobs.samples import data_facts, training_set, unreadable
from poolwise.ledger.blobs import Blobs
from poolwise.ledger.events import (
    BatchClosed,
    BatchQueried,
    LabelsAudited,
    NewEvent,
    RunOpened,
    RunParked,
)
from poolwise.ledger.state import RunState
from poolwise.quality.label_error.planted import confusions, plant

METRIC = "label_errors"
MOST_COPIES = 10_000
"""Pairs of near-copies that are listed; the counts are of all."""
GIVEN = "given"


def open_audit(parts: AuditParts) -> NewEvent:
    """Read every picture once, and write down the labels that are to be judged."""
    manifest = parts.images.manifest
    broken = unreadable(parts.images, parts.display)
    labelled = given(parts, {row[0] for row in broken})
    if not len(labelled):
        raise DataError(
            f"{manifest.name} has no label in {' and '.join(parts.settings.splits)}; an audit is of labels that are there."
        )
    opened = RunOpened(
        config=dict(parts.config),
        command=parts.command,
        cwd=os.getcwd(),
        strategy=parts.method,
        metric=METRIC,
        digests=manifest.digests(),
        data=data_facts(manifest, given=len(labelled), shape=[int(side) for side in parts.images.shape]),
        unreadable=tuple(broken),
        job="audit",
    )
    rows = tuple(
        Annotation(int(at), decode(label, manifest.classes), GIVEN, 0, GIVEN, "")
        for at, label in zip(labelled.ids, labelled.labels, strict=True)
    )
    return NewEvent(0, opened, rows)


def given(parts: AuditParts, broken: set[int]) -> LabelledSet:
    """Return the labels as the data give them, some changed on purpose if that is asked for."""
    manifest = parts.images.manifest
    ids = readable(parts, broken, splits=parts.settings.splits)
    ids = ids[manifest.known()[ids]]
    labelled = LabelledSet(ids, manifest.labels[ids])
    return _planted(parts, labelled, broken) if parts.settings.planted.share and len(ids) else labelled


def _planted(parts: AuditParts, labelled: LabelledSet, broken: set[int]) -> LabelledSet:
    """Return a known share of labels changed, to see how many of them the audit finds."""
    settings, classes = parts.settings, len(parts.images.manifest.classes)
    if parts.images.manifest.task is Task.MULTILABEL:
        raise ConfigError("plant.share changes labels of one class a sample; this data set has several. Leave it at 0.")
    towards = (1 - np.eye(classes)) / (classes - 1)
    if settings.planted.shape == "confusion":
        around = surroundings(parts, readable(parts, broken))
        towards = confusions(labelled.labels, probabilities(parts, labelled, around)[0])
    rng = generator(settings.seed, 0, "planted labels")
    return LabelledSet(labelled.ids, plant(labelled.labels, settings.planted.share, towards, rng))


def judged(state: RunState, parts: AuditParts, blobs: Blobs) -> NewEvent:
    """Judge every label, and keep what came of it."""
    manifest = parts.images.manifest
    labelled = training_set(state, manifest)
    around = surroundings(parts, readable(parts, set(state.opened.broken)))
    verdict = judge(parts, labelled, around)
    return NewEvent(len(state.rounds), audited(verdict, around, parts, blobs))


def audited(verdict: Verdict, around: Surroundings, parts: AuditParts, blobs: Blobs) -> LabelsAudited:
    """Return what the ledger keeps of a verdict; long tables go to blobs."""
    manifest, budget = parts.images.manifest, parts.settings.budget
    named = results(verdict, around, manifest, budget)
    truth = _truth(parts)
    if truth is not None:
        named |= scored(verdict, truth, budget)
    found = verdict.found
    kept = {
        "issues": tables.issues(verdict, manifest),
        "copies": {name: list(column)[:MOST_COPIES] for name, column in tables.copies(around, manifest).items()},
        **verdict.findings,
    }
    return LabelsAudited(
        results=named,
        messages=tuple(sentences(verdict, named)),
        tables=blobs.put(lambda path: write_json(path, kept), ".json"),
        found=blobs.put(lambda path: _write_found(path, verdict), ".npz"),
        estimates={name: (each.count, each.low, each.high) for name, each in found.estimates.items()},
        not_judged=tuple(manifest.paths[at] for at in verdict.blind[:MOST_COPIES]),
        expected=tuple(round(float(value), 3) for value in found.expected[: len(kept["issues"]["rank"])]),
        seconds=dict(verdict.seconds),
    )


def _truth(parts: AuditParts) -> Labels | None:
    manifest = parts.images.manifest
    return manifest.labels if parts.settings.planted.share else known_truth(manifest, parts.settings.truth)


def queried(state: RunState, parts: AuditParts, columns: tables.Columns, start: int) -> NewEvent:
    """Put the labels of the list from `start` on out for review."""
    rows = range(start, min(parts.settings.budget, len(columns["rank"])))
    return NewEvent(len(state.rounds), BatchQueried(tables.asks(columns, parts.images.manifest, rows)))


def reviewed(state: RunState, answers: Sequence[Answer], round_: int, source: str) -> tuple[Annotation, ...]:
    """Return answers that say something new: to a label that nobody has looked at again, or another one than the last."""
    found = []
    for answer in answers:
        last = state.annotations.get(answer.sample_id)
        if last is None and answer.removed:  # a near-copy of another sample, whose own label was not judged
            found.append(Annotation(answer.sample_id, None, answer.annotator, round_, source, answer.at))
        elif last is not None and says_more(last, answer):
            found.append(second_look(last, answer, round_, source))
    return tuple(found)


def says_more(last: Annotation, answer: Answer) -> bool:
    """Return whether an answer to a review adds to what is known of a label."""
    if is_old(last, answer):
        return False
    if answer.label is None and not answer.removed:
        return last.source == GIVEN
    return last.source == GIVEN or last.label != answer.label or cannot_tell(last)


def collected(state: RunState, parts: AuditParts, batch: Batch) -> list[NewEvent]:
    """Take what has been answered; close the batch, or park the audit until people have answered."""
    events = received(state, batch, parts.annotator, reviewed)
    fresh = [row for event in events for row in event.annotations]
    looked_at = {at for at, row in state.annotations.items() if row.source != GIVEN} | {row.sample_id for row in fresh}
    back = parts.annotator.taken_back(batch) & looked_at  # in the ledger already, and nobody stands by it
    missing = [sample_id for sample_id in batch.ids() if sample_id not in looked_at - back]
    if missing and (back or parts.annotator.partial != "train" or len(missing) == len(batch.asks)):
        done = len(batch.asks) - len(missing)
        message = f"{done} of {len(batch.asks)} reviewed. {parts.annotator.emit(batch, parts.images)}"
        if not fresh and state.parked == message:
            return []
        return [*events, NewEvent(batch.round, RunParked(message))]
    labels = {**{at: row.label for at, row in state.annotations.items()}, **{row.sample_id: row.label for row in fresh}}
    closed = BatchClosed(
        answered=len(batch.asks) - len(missing),
        skipped=sum(cannot_tell(row) for row in fresh),
        missing=tuple(missing),
        labels=tuple(labels[sample_id] for sample_id in batch.ids()),
    )
    return [*events, NewEvent(batch.round, closed)]


def changed(state: RunState) -> tuple[int, int]:
    """Return how many of the reviewed labels people changed, and how many they looked at."""
    rows = [(ask, state.annotations[ask.sample_id]) for round_ in state.rounds for ask in round_.asks]
    looked = [(ask, row) for ask, row in rows if row.source != GIVEN]
    return sum(label_text(row.label) != ask.details["given"] for ask, row in looked), len(looked)


def write_tables(audit: LabelsAudited, folder: Path, manifest: Manifest, blobs: Blobs, budget: int) -> dict[str, Path]:
    """Write an audit's tables as CSV and Parquet, and the list for MLflow's table view; name -> file."""
    from poolwise.core.files import write_bytes

    files = {}
    kept = json.loads(blobs.path(audit.tables).read_text(encoding="utf-8"))
    found = np.load(blobs.path(audit.found), allow_pickle=False)
    issues = {name: column[:budget] for name, column in kept.pop("issues").items()}
    whole = {"label_issues": issues, **kept, "label_quality": tables.qualities(found, manifest)}
    for name, columns in ((name, columns) for name, columns in whole.items() if columns):
        for suffix, content in ((".csv", tables.as_csv), (".parquet", tables.as_parquet)):
            files[f"{name}{suffix}"] = folder / f"{name}{suffix}"
            write_bytes(folder / f"{name}{suffix}", content(columns))
    listed = whole["label_issues"]
    rows = [list(row) for row in zip(*listed.values(), strict=True)]
    write_bytes(folder / "label_issues.json", json.dumps({"columns": list(listed), "data": rows}).encode())
    return {**files, "label_issues.json": folder / "label_issues.json"}


def summary_json(record: RunRecord, audit: LabelsAudited) -> str:
    """Return the numbers of an audit, for programs."""
    content = {
        "run": record.name,
        "detector": record.strategy,
        "data": record.data,
        "told": audit.messages,
        "results": record.results,
        "estimates": audit.estimates,
        "seconds": audit.seconds,
    }
    return json.dumps(content, indent=1, ensure_ascii=False, default=dict) + "\n"


def one(sample_id: int) -> np.ndarray:
    """Return the (1,) id of one sample."""
    return np.array([sample_id], dtype=np.int64)


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON."""
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _write_found(path: Path, verdict: Verdict) -> None:
    found, buffer = verdict.found, io.BytesIO()
    np.savez(
        buffer,
        ids=verdict.labelled.ids,
        labels=verdict.labelled.labels,
        suggested=found.suggested,
        probability=found.probability,
        quality=found.quality,
        probs=verdict.probs,
    )
    path.write_bytes(buffer.getvalue())

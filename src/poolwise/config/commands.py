"""Commands on runs that exist: take answers, write the report, tell the tracker, give the labels out."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from poolwise.annotation.csv_files import CsvFiles, label_text, read_answers
from poolwise.config.resume import StoredRun, ending, stored_run
from poolwise.errors import AnnotationError, ConfigError, DataChanged
from poolwise.files import write_text
from poolwise.ledger.events import Kind
from poolwise.ledger.state import RunState
from poolwise.loop.job import loop_job, report_on, tell
from poolwise.loop.parts import Parts, RunParts
from poolwise.loop.record import run_record
from poolwise.loop.resume import check_data, check_settings
from poolwise.loop.steps import batch_of, new_annotations
from poolwise.terminal import Terminal
from poolwise.trainings.begun import begun_in
from poolwise.types import Annotation, Answer, Label, RunRecord, Split, Task, decode

NewAnswers = Callable[[RunState, Sequence[Answer], int, str], tuple[Annotation, ...]]
SOURCE = CsvFiles.source
NO_CLASS = "|"
"""How a manifest says "labelled, with none of the classes"; an empty cell is not labelled."""


def ingest(file: Path, folder: Path | None) -> None:
    """Take the answers of a batch file, then go on with the run as far as it goes.

    Answers to an earlier round's batch are corrections: new rows that stand for the older ones from the next training on.

    Raises:
        AnnotationError: the file cannot be taken; nothing was.
    """
    if not file.is_file():
        raise AnnotationError(f"{file} does not exist; batch files lie in runs/NAME/batches/.")
    file = file.resolve()
    if folder is None and not (file.parent.parent / "config.yaml").is_file():
        raise AnnotationError(f"{file} lies in no run's folder; name the run it answers with --run FOLDER.")
    run = stored_run(folder or file.parent.parent)
    display = Terminal()
    if run.job == "audit":
        _ingest_review(file, run, display)
        return
    arms = run.parts(display)
    count = take_answers(file, run, arms[0], new_annotations)
    display.say(f"{count} new answers from {file.name} recorded in run {run.name}.")
    for line in ending(loop_job(arms, run.ledger)):
        display.say(line)


def _ingest_review(file: Path, run: StoredRun, display: Terminal) -> None:
    from poolwise.audit.job import audit_job
    from poolwise.audit.steps import reviewed
    from poolwise.config import audit

    parts = run.audit(display)
    count = take_answers(file, run, parts, reviewed)
    display.say(f"{count} new answers from {file.name} recorded in audit {run.name}.")
    for line in audit.ending(audit_job(parts, run.ledger)):
        display.say(line)


def take_answers(file: Path, run: StoredRun, parts: RunParts, fresh_of: NewAnswers) -> int:
    """Append the new answers of a batch file to the ledger; how many there were. `fresh_of` says which are new."""
    with run.ledger.lock(run.name, run.folder):
        state = run.ledger.state(run.name)
        found = re.search(r"round_(\d+)", file.stem)
        if found is None or int(found.group(1)) >= len(state.rounds):
            raise AnnotationError(
                f"{file.name} is not named after a round of run {run.name!r}; batch files are round_000.csv to "
                f"round_{max(0, len(state.rounds) - 1):03d}.csv."
            )
        check_settings(run.name, state.opened["config"], parts.config)
        check_data(run.name, state.opened["digests"], parts.images.manifest, state.opened["data"])
        batch = batch_of(state, parts, int(found.group(1)))
        answers = read_answers(file, batch, getattr(parts.annotator, "annotator", "") or SOURCE)
        fresh = fresh_of(state, answers, batch.round, SOURCE)
        if fresh:
            body = {"count": len(fresh), "source": SOURCE}
            run.ledger.append(run.name, state.events, Kind.LABELS_RECEIVED, batch.round, body, fresh)
    return len(fresh)


def records_of(run: StoredRun, arms: list[Parts]) -> list[RunRecord]:
    """Where each arm of a stored run stands."""
    states = [(parts, run.ledger.state(parts.run)) for parts in arms]
    return [run_record(parts.run, parts.folder, state) for parts, state in states if state.opened]


def report(folder: Path) -> None:
    """Write a run's report anew. Raises DataChanged: the pictures would not be those that were asked for."""
    if begun_in(folder):
        Terminal().say(f"report: {_again(folder)[0].folder / 'report.html'}")
        return
    run = stored_run(folder)
    if run.job == "audit":
        _tell_audit(run)
        Terminal().say(f"report: {run.folder / 'report.html'}")
        return
    arms = run.parts(Terminal())
    opened = run.ledger.state(run.name).opened
    check_data(run.name, opened["digests"], arms[0].images.manifest, opened["data"])
    Terminal().say(f"report: {report_on(records_of(run, arms), arms[0])}")


def track(folder: Path) -> None:
    """Tell the tracker what it has missed."""
    display = Terminal()
    if begun_in(folder):
        record, knows = _again(folder)
        _say_told(record.name, [knows], display)
        return
    run = stored_run(folder)
    if run.job == "audit":
        told = [_tell_audit(run)]
    else:
        arms = run.parts(display)
        page = report_on(records_of(run, arms), arms[0])
        records = zip(arms, records_of(run, arms), strict=False)
        told = [tell(parts, record, page, run.ledger) for parts, record in records]
    _say_told(run.name, told, display)


def _say_told(name: str, told: Sequence[bool], display: Terminal) -> None:
    if not all(told):
        raise ConfigError("the tracking server cannot be reached; nothing is lost: try again when it is back.")
    display.say(f"The tracker knows all of {name}.")


def _again(folder: Path) -> tuple[RunRecord, bool]:
    """A comparison or an experiment once more: what is trained is not trained again; see `compare_job`."""
    from poolwise.compare.job import compare_job
    from poolwise.config.compare import compare_parts
    from poolwise.config.samplesize import samplesize_parts
    from poolwise.samplesize.job import samplesize_job

    folder, job = folder.resolve(), begun_in(folder)
    assert job is not None
    if Path(job.cwd).is_dir():
        os.chdir(job.cwd)
    told: dict[str, Any] = {"name": job.name, "method": job.method, "command": job.command, "display": Terminal()}
    if job.job == "compare":
        return compare_job(replace(compare_parts(job.config, **told), folder=folder))
    return samplesize_job(replace(samplesize_parts(job.config, **told), folder=folder))


def _tell_audit(run: StoredRun) -> bool:
    """Write an audit's page and tables anew and tell the tracker; whether it knows all now."""
    from poolwise.audit.job import told

    parts, state = run.audit(Terminal()), run.ledger.state(run.name)
    if not state.audits:
        raise ConfigError(f"audit {run.name} has judged nothing yet; `{state.opened['command']}` goes on with it.")
    check_data(run.name, state.opened["digests"], parts.images.manifest, state.opened["data"])
    return told(state, parts)[1]


def labels(folder: Path, out: Path | None) -> None:
    """Write all samples and their labels as a manifest that `data=manifest` reads: unlabelled ones with an empty cell.

    If the data have changed since, only what people answered, by the paths that the ledger holds.
    """
    out = out and out.resolve()
    run = stored_run(folder)
    parts = run.audit(Terminal()) if run.job == "audit" else run.parts(Terminal())[0]
    state = run.ledger.state(run.name)
    manifest = parts.images.manifest
    try:
        check_data(run.name, state.opened["digests"], manifest, state.opened["data"])
        rows = whole_manifest(state, parts)
    except DataChanged:
        rows = answered_alone(state, parts)
        Terminal().warn(
            f"the data of {run.name} have changed: only the {len(rows)} labels that were asked for are written."
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "labels" if manifest.task is Task.MULTILABEL else "label", "split"])
    writer.writerows(rows)
    out = out or parts.folder / "labels.csv"
    write_text(out, text.getvalue())
    Terminal().say(f"{sum(bool(row[1]) for row in rows)} labels, {len(rows)} rows: {out}")


def whole_manifest(state: RunState, parts: RunParts) -> list[tuple[str, str, str]]:
    """(path, label, split) of every sample; skipped and unreadable ones are left out."""
    manifest = parts.images.manifest
    gone = {at for at, row in state.annotations.items() if row.label is None}
    gone |= {row[0] for row in state.opened["unreadable"]}
    held = state.holdout()
    rows = []
    for at in range(len(manifest)):
        if at not in gone:
            answer = state.annotations.get(at)
            label = answer.label if answer else decode(manifest.labels[at], manifest.classes)
            split = Split.TEST.value if at in held else str(manifest.splits[at])
            rows.append((_path(at, parts), _cell(label), split))
    return rows


def answered_alone(state: RunState, parts: RunParts) -> list[tuple[str, str, str]]:
    """(path, label, split) of what was asked and answered."""
    now = {path: at for at, path in enumerate(parts.images.manifest.paths)}
    paths = {ask.sample_id: ask.path for round_ in state.rounds for ask in round_.asks}
    held = state.holdout()
    return [
        (
            _path(now[path], parts) if path in now else path,
            _cell(state.annotations[at].label),
            (Split.TEST if at in held else Split.POOL).value,
        )
        for at, path in sorted(paths.items())
        if at in state.annotations and state.annotations[at].label is not None
    ]


def _path(sample_id: int, parts: RunParts) -> str:
    file = parts.images.file(sample_id)
    return parts.images.manifest.paths[sample_id] if file is None else str(file.resolve())


def _cell(label: Label) -> str:
    return "" if label is None else NO_CLASS if label == () else label_text(label)

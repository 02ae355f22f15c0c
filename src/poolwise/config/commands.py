"""Commands on runs that exist: take answers, write the report, tell the tracker, give the labels out."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from poolwise.annotation.csv_files import label_text, read_answers
from poolwise.config.resume import StoredRun, ending, stored_run
from poolwise.errors import AnnotationError, ConfigError
from poolwise.files import write_text
from poolwise.ledger.events import Kind
from poolwise.loop.job import loop_job, report_on, tell
from poolwise.loop.parts import Parts
from poolwise.loop.record import run_record
from poolwise.loop.steps import batch_of, new_annotations
from poolwise.terminal import Terminal
from poolwise.types import RunRecord


def ingest(file: Path, folder: Path | None) -> None:
    """Take the answers of a batch file, then go on with the run as far as it goes.

    Answers to an earlier round's batch are corrections: new rows that stand for the older ones from the next training on.

    Raises:
        AnnotationError: the file cannot be taken; nothing was.
    """
    if not file.is_file():
        raise AnnotationError(f"{file} does not exist; batch files lie in runs/NAME/batches/.")
    run = stored_run(folder or file.resolve().parent.parent)
    display = Terminal()
    file = file.resolve()
    arms = run.parts(display)
    count = take_answers(file, run, arms[0])
    display.say(f"{count} new answers from {file.name} recorded in run {run.name}.")
    for line in ending(loop_job(arms, run.ledger)):
        display.say(line)


def take_answers(file: Path, run: StoredRun, parts: Parts) -> int:
    """Append the new answers of a batch file to the ledger; how many there were."""
    with run.ledger.lock(run.name, run.folder):
        state = run.ledger.state(run.name)
        found = re.search(r"round_(\d+)", file.stem)
        if found is None or int(found.group(1)) >= len(state.rounds):
            raise AnnotationError(
                f"{file.name} is not named after a round of run {run.name!r}; batch files are round_000.csv to "
                f"round_{max(0, len(state.rounds) - 1):03d}.csv."
            )
        batch = batch_of(state, parts, int(found.group(1)))
        fresh = new_annotations(state, read_answers(file, batch, "csv"), batch.round, "csv")
        if fresh:
            body = {"count": len(fresh), "source": "csv"}
            run.ledger.append(run.name, state.events, Kind.LABELS_RECEIVED, batch.round, body, fresh)
    return len(fresh)


def records_of(run: StoredRun, arms: list[Parts]) -> list[RunRecord]:
    """Where each arm of a stored run stands."""
    states = [(parts, run.ledger.state(parts.run)) for parts in arms]
    return [run_record(parts.run, parts.folder, state) for parts, state in states if state.opened]


def report(folder: Path) -> None:
    """Write a run's report anew."""
    run = stored_run(folder)
    arms = run.parts(Terminal())
    Terminal().say(f"report: {report_on(records_of(run, arms), arms[0])}")


def track(folder: Path) -> None:
    """Tell the tracker what it has missed."""
    run = stored_run(folder)
    display = Terminal()
    arms = run.parts(display)
    page = report_on(records_of(run, arms), arms[0])
    told = [tell(parts, record, page, run.ledger) for parts, record in zip(arms, records_of(run, arms), strict=False)]
    if all(told):
        display.say(f"The tracker knows all of {run.name}.")
    else:
        raise ConfigError("the tracking server cannot be reached; nothing is lost: try again when it is back.")


def labels(folder: Path, out: Path | None) -> None:
    """Write path and label of everything answered so far as a manifest that `data=manifest` reads."""
    run = stored_run(folder)
    parts = run.parts(Terminal())[0]
    state = run.ledger.state(run.name)
    manifest = parts.images.manifest
    several = manifest.task.value == "multilabel"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "labels" if several else "label", "split", "annotator", "at"])
    held = state.holdout()
    for sample_id, row in sorted(state.annotations.items()):
        if row.label is not None:
            file = parts.images.file(sample_id)
            path = manifest.paths[sample_id] if file is None else file.resolve()
            split = "test" if sample_id in held else "pool"
            writer.writerow([path, label_text(row.label), split, row.annotator, row.at])
    out = out or parts.folder / "labels.csv"
    write_text(out, text.getvalue())
    Terminal().say(f"{len(state.annotations)} answers: {out}")

"""Commands on runs that exist: take answers, write the report, tell the tracker, give the labels out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from poolwise.annotation.reading import format_of, read_answers
from poolwise.app.label_files import labels as labels
from poolwise.app.terminal import Terminal
from poolwise.core.errors import AnnotationError, ConfigError
from poolwise.core.types import Annotation, Answer, RunRecord
from poolwise.jobs.loop.build import CONTROL, ending
from poolwise.jobs.loop.job import loop_job, report_on, tell, why
from poolwise.jobs.loop.parts import RunParts
from poolwise.jobs.loop.resume import check_data, check_settings
from poolwise.jobs.loop.steps import batch_of, new_annotations
from poolwise.jobs.stored import StoredRun, check_folder, go_to, stored_run
from poolwise.jobs.trainings.begun import begun_in
from poolwise.jobs.trust import check_settings_of, remember, trust
from poolwise.ledger.events import LabelsReceived, NewEvent
from poolwise.ledger.state import RunState

NewAnswers = Callable[[RunState, Sequence[Answer], int, str], tuple[Annotation, ...]]


def ingest(file: Path, folder: Path | None, round_: int | None = None, *, trusted: bool = False) -> None:
    """Take the answers of a batch file, or of another tool's export, then go on with the run as far as it goes.

    Answers to an earlier round's batch are corrections: new rows that stand for the older ones from the next training on.

    Args:
        file: in any format that `annotation=` writes; for image_folder the folder.
        folder: of the run; None for a batch file where it was written.
        round_: that it answers; None takes the one in the file's name, else, with `folder`, the last one.
        trusted: a person vouches for the settings in the folder.

    Raises:
        AnnotationError, FormatError: the file cannot be taken; nothing was.
    """
    if not file.exists():
        raise AnnotationError(f"{file} does not exist; batch files lie in runs/NAME/batches/.")
    file = file.resolve()
    if folder is None and not (file.parent.parent / "config.yaml").is_file():
        raise AnnotationError(f"{file} lies in no run's folder; name the run it answers with --run FOLDER.")
    run = stored_run(folder or file.parent.parent, trusted=trusted)
    if round_ is None and (found := re.search(r"(?<![A-Za-z])round_(\d{1,9})", file.name)):
        round_ = int(found.group(1))
    display = Terminal()
    if run.job == "audit":
        _ingest_review(file, run, display, round_)
        return
    arms = run.parts(display)
    count = take_answers(file, run, arms[0], new_annotations, round_)
    display.say(f"{count} new answers from {file.name} recorded in run {run.name}.")
    for line in ending(loop_job(arms, run.ledger)):
        display.say(line)


def _ingest_review(file: Path, run: StoredRun, display: Terminal, round_: int | None) -> None:
    from poolwise.jobs.audit import build as audit
    from poolwise.jobs.audit.job import audit_job
    from poolwise.jobs.audit.steps import reviewed

    parts = run.audit(display)
    count = take_answers(file, run, parts, reviewed, round_)
    display.say(f"{count} new answers from {file.name} recorded in audit {run.name}.")
    for line in audit.ending(audit_job(parts, run.ledger)):
        display.say(line)


def take_answers(file: Path, run: StoredRun, parts: RunParts, fresh_of: NewAnswers, round_: int | None = None) -> int:
    """Append the new answers of a file to the ledger; how many there were. `fresh_of` says which are new."""
    with run.ledger.lock(run.name, run.folder):
        state = run.ledger.state(run.name)
        last = len(state.rounds) - 1
        at = last if round_ is None else round_
        if not 0 <= at <= last:
            raise AnnotationError(
                f"{file.name} answers no round of run {run.name!r}; it has the rounds 0 to {last}, their batch files "
                f"begin with round_000 to round_{max(0, last):03d}; for an export of another name say which with --round."
            )
        check_settings(run.name, state.opened.config, parts.config)
        check_data(run.name, state.opened.digests, parts.images.manifest, state.opened.data)
        batch, source = batch_of(state, parts, at), format_of(file)
        answers = read_answers(file, batch, getattr(parts.annotator, "annotator", ""))
        fresh = fresh_of(state, answers, batch.round, source)
        if fresh:
            received = NewEvent(batch.round, LabelsReceived(len(fresh), source), fresh)
            run.ledger.append(run.name, state.events, received)
    return len(fresh)


def records_of(run: StoredRun) -> list[RunRecord]:
    """Return where each arm of a stored run stands: the run itself and, if there is one, its control."""
    places = {run.name: run.folder, f"{run.name}/{CONTROL}": run.folder / CONTROL}
    states = {name: run.ledger.state(name) for name in places}
    return [state.record(name, places[name]) for name, state in states.items() if state.begun]


def report(folder: Path, *, trusted: bool = False) -> None:
    """Write a run's report anew.

    Raises:
        DataChanged: the pictures would not be those that were asked for.
        UntrustedRun: settings of somebody else that reach beyond the folder, and nobody vouches for them.
    """
    if begun_in(folder):
        Terminal().say(f"report: {_again(folder, trusted)[0].folder / 'report.html'}")
        return
    run = stored_run(folder, trusted=trusted)
    if run.job == "audit":
        _tell_audit(run)
        Terminal().say(f"report: {run.folder / 'report.html'}")
        return
    shown, opened = run.shown(), run.ledger.state(run.name).opened
    check_data(run.name, opened.digests, shown.images.manifest, opened.data)
    Terminal().say(f"report: {report_on(records_of(run), shown)}")


def track(folder: Path, *, trusted: bool = False) -> None:
    """Tell the tracker what it has missed. Raises UntrustedRun, as `report`."""
    display = Terminal()
    if begun_in(folder):
        record, missed = _again(folder, trusted)
        _say_told(record.name, missed, display)
        return
    run = stored_run(folder, trusted=trusted)
    if run.job == "audit":
        missed = _tell_audit(run)
    else:
        arms = run.parts(display)
        found = records_of(run)
        page = report_on(found, arms[0])
        records = zip(arms, found, strict=False)
        missed = [why(parts.tracker) for parts, record in records if not tell(parts, record, page, run.ledger)]
    _say_told(run.name, missed, display)


def _say_told(name: str, missed: Sequence[str], display: Terminal) -> None:
    if missed:
        raise ConfigError(
            f"the tracker has not been told everything of {name}{missed[0]}; nothing is lost: the same command sends the rest "
            "when that is put right."
        )
    display.say(f"The tracker knows all of {name}.")


def _again(folder: Path, trusted: bool) -> tuple[RunRecord, list[str]]:
    """A comparison or an experiment once more, and why the tracker misses some of it, if it does.

    What is trained is not trained again; see `compare_job`.
    """
    from poolwise.jobs.compare.build import compare_parts
    from poolwise.jobs.compare.job import compare_job
    from poolwise.jobs.samplesize.build import samplesize_parts
    from poolwise.jobs.samplesize.job import samplesize_job

    folder, job = folder.resolve(), begun_in(folder)
    assert job is not None
    if trusted:
        trust(folder)
        remember(folder, job.config, began=job.cwd)
    check_folder(folder)
    go_to(folder, job.config, job.cwd)
    check_settings_of(folder, job.config, job.cwd)
    told: dict[str, Any] = {"name": job.name, "method": job.method, "command": job.command, "display": Terminal()}
    if job.job == "compare":
        parts = replace(compare_parts(job.config, **told), folder=folder)
        record, knows = compare_job(parts)
        return record, [] if knows else [why(parts.tracker)]
    sizes = replace(samplesize_parts(job.config, **told), folder=folder)
    record, knows = samplesize_job(sizes)
    return record, [] if knows else [why(sizes.tracker)]


def _tell_audit(run: StoredRun) -> list[str]:
    """Write an audit's page and tables anew and tell the tracker; why it misses some of it, if it does."""
    from poolwise.jobs.audit.job import told

    parts, state = run.audit(Terminal()), run.ledger.state(run.name)
    if not state.audits:
        raise ConfigError(f"audit {run.name} has judged nothing yet; `{state.opened.command}` goes on with it.")
    check_data(run.name, state.opened.digests, parts.images.manifest, state.opened.data)
    return [] if told(state, parts)[1] else [why(parts.tracker)]

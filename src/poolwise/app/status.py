"""`poolwise status`: a table of all runs, from their ledgers and their files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from poolwise.core.errors import PoolwiseError, RunBusy
from poolwise.core.files import held
from poolwise.core.types import RunRecord
from poolwise.jobs.stored import StoredRun, check_folder, stored_run
from poolwise.jobs.trainings.job_file import FILE, job_file


def status(runs: Path) -> None:
    """Print where every run below a folder stands, and what the parked ones wait for."""
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe has no width
        console = Console(highlight=False, width=10_000)
    folders = sorted({path.parent for name in ("config.yaml", FILE) for path in runs.glob(f"*/{name}")})
    if not folders:
        console.print(f"No run in {runs}; `poolwise loop` begins one, --runs FOLDER looks elsewhere.", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("run", "status", "rounds", "labels", "score"):
        table.add_column(
            name, justify="right" if name in ("rounds", "labels") else "left", no_wrap=name != "run", overflow="fold"
        )
    notes = []
    for folder in folders:
        try:
            for row, told in _standing(folder):
                table.add_row(*row)
                notes += [f"{row[0]}: {each}" for each in told if each]
        except PoolwiseError as error:
            notes.append(f"{folder}: {error}")
    console.print(table)
    for note in notes:
        console.print(note, soft_wrap=True, markup=False)


def _standing(folder: Path) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield a row, and what there is to say, for each run in a folder."""
    job = job_file(folder)
    if job:
        check_folder(folder)
        status = "stopped" if job.note else "interrupted" if _is_idle(folder) else "running"
        yield (job.name, status, "", "", "", ""), [job.note, _goes_on(job.command) if status == "interrupted" else ""]
        return
    run = stored_run(folder)
    for name in (run.name, f"{run.name}/control"):
        state = run.ledger.state(name)
        if state.begun:
            record = state.record(name, folder)
            interrupted = _interrupted(run, record)
            told = [_goes_on(record.command) if interrupted else "", record.message, record.stop_reason]
            yield _row(record, interrupted), told
    run.ledger.close()


def _goes_on(command: str) -> str:
    """Return the command as it would be typed; quoted anew, as a folder may come from anywhere."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    command = shlex.join(words) if words[:1] == ["poolwise"] else "the command that began it"
    return f"interrupted; `{command}` goes on with it."


def _interrupted(run: StoredRun, record: RunRecord) -> bool:
    """Return whether nobody works on a run that is not at its end."""
    if record.status != "running":
        return False
    try:
        with run.ledger.lock(run.name, record.folder):
            return True
    except RunBusy:
        return False


def _is_idle(folder: Path) -> bool:
    try:
        with held(folder, folder.name):
            return True
    except RunBusy:
        return False


def _row(record: RunRecord, interrupted: bool) -> tuple[str, ...]:
    last = record.rounds[-1] if record.rounds else None
    score = last.metrics.get(record.metric) if last else None
    shown = "" if score is None else f"{record.metric} {score:.4f}"
    return (
        record.name,
        "interrupted" if interrupted else record.status,
        str(len(record.rounds)),
        str(last.labelled if last else record.data.get("given", 0)),
        shown,
        record.stop_reason,
    )

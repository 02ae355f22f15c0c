"""`poolwise status`: a table of all runs, from their ledgers alone."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from poolwise.config.resume import StoredRun, stored_run
from poolwise.errors import PoolwiseError, RunBusy
from poolwise.loop.record import run_record
from poolwise.types import RunRecord


def status(runs: Path) -> None:
    """Print where every run below a folder stands, and what the parked ones wait for."""
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe has no width
        console = Console(highlight=False, width=10_000)
    folders = sorted(path.parent for path in runs.glob("*/config.yaml"))
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
            run = stored_run(folder)
            for name in (run.name, f"{run.name}/control"):
                state = run.ledger.state(name)
                if state.opened:
                    record = run_record(name, folder, state)
                    table.add_row(*_row(record, interrupted := _interrupted(run, record)))
                    if interrupted:
                        notes.append(f"{name}: interrupted; `{record.command}` goes on with it.")
                    notes += [f"{name}: {told}" for told in (record.message, record.stop_reason) if told]
            run.ledger.close()
        except PoolwiseError as error:
            notes.append(f"{folder}: {error}")
    console.print(table)
    for note in notes:
        console.print(note, soft_wrap=True, markup=False)


def _interrupted(run: StoredRun, record: RunRecord) -> bool:
    """Whether nobody works on a run that is not at its end."""
    if record.status != "running":
        return False
    try:
        with run.ledger.lock(run.name, record.folder):
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

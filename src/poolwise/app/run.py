"""Run a job of the table with its whole resolved configuration, and tell the user how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from poolwise.app.terminal import Terminal
from poolwise.core.types import RunRecord
from poolwise.jobs.resume import as_begun
from poolwise.jobs.run_folder import check_ledger, ledger_of
from poolwise.jobs.stored import StoredRun, check_folder, settings_in
from poolwise.jobs.table import JOBS
from poolwise.jobs.trust import remember


def run_job(job: str, config: Mapping[str, Any], *, name: str, method: str, command: str) -> RunRecord:
    """Run a job that has a folder, new or from where it stands; return its record.

    Args:
        job: its name in the table.
        config: the whole resolved configuration.
        name: of its folder.
        method: what the job is about, by name.
        command: what repeats it.
    """
    row, display = JOBS[job], Terminal(verbose=bool(config.get("verbose", True)))
    if before := settings_in(Path(str(config["runs"])) / name):
        config = as_begun(before, config)
    parts = row.load("build")(config, name=name, method=method, command=command, display=display)
    main = first_of(parts)
    if row.keeps == "ledger":
        check_ledger(main)
    check_folder(main.folder)
    remember(main.folder, main.config)
    opened = closing(ledger_of(config, main.folder).open()) if row.keeps == "ledger" else nullcontext()
    with opened as ledger:
        found = row.load("run")(parts, ledger) if ledger else row.load("run")(parts)
    record: RunRecord = first_of(found)
    if row.keeps == "file":
        display.say(record.note)
    for line in row.load("ending")(found):
        (display.say if record.message else display.note)(line)
    return record


def go_on_with(run: StoredRun, parts: Any) -> list[str]:
    """Go on with a stored run as far as it goes; return the lines to end with."""
    row = JOBS[run.job]
    lines: list[str] = row.load("ending")(row.load("run")(parts, run.ledger))
    return lines


def first_of(found: Any) -> Any:
    """Return the main one of the parts or the records of a job, which may have several arms."""
    return found[0] if isinstance(found, (list, tuple)) else found

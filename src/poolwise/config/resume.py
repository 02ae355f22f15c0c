"""Run a loop from its configuration, new or as the ledger remembers it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from poolwise.config.loop import ledger_of, loop_parts
from poolwise.errors import ConfigError
from poolwise.ledger.store import OpenLedger
from poolwise.loop.job import check_ledger, loop_job
from poolwise.loop.parts import Parts
from poolwise.report import words
from poolwise.terminal import Terminal
from poolwise.types import RunRecord

if TYPE_CHECKING:
    from poolwise.audit.parts import AuditParts


def run_config(config: Mapping[str, Any], *, name: str, strategy: str, command: str) -> list[RunRecord]:
    """Run a loop with a whole resolved configuration and tell the user how it ended."""
    display = Terminal(verbose=bool(config.get("verbose", True)))
    arms = loop_parts(config, name=name, strategy=strategy, command=command, display=display)
    check_ledger(arms[0])
    ledger = ledger_of(config, arms[0].folder).open()
    try:
        records = loop_job(arms, ledger)
    finally:
        ledger.close()
    for line in ending(records):
        (display.say if records[0].message else display.note)(line)
    return records


def ending(records: list[RunRecord]) -> list[str]:
    """What the user should know when the command returns."""
    main = records[0]
    lines = []
    for record in records:
        scores = [round_.metrics[record.metric] for round_ in record.rounds if record.metric in round_.metrics]
        labelled = record.rounds[-1].labelled if record.rounds else 0
        score = f", {record.metric} {scores[-1]:.4f}" if scores else ""
        lines.append(
            f"{record.name}: {record.status}, {labelled} labels{score}"
            + (f" ({record.stop_reason})" if record.stop_reason else "")
        )
    if main.rounds and main.rounds[-1].outlook:
        lines.append(f"next batch, by the curve so far: {words.ahead(main.rounds[-1], main.metric)}")
    if main.message:
        lines.append(main.message)
    lines.append(f"report: {main.folder / 'report.html'}")
    return lines


@dataclass(frozen=True)
class StoredRun:
    """A run found on disk, with all that is needed to go on with it."""

    name: str
    folder: Path
    config: Mapping[str, Any]
    ledger: OpenLedger

    @property
    def job(self) -> str:
        """Which command began it."""
        return str(self.ledger.state(self.name).opened.get("job", "loop"))

    def parts(self, display: Terminal) -> list[Parts]:
        """The arms of a loop, built anew; relative paths are taken from where it began."""
        opened = self.where_it_began()
        return loop_parts(
            opened["config"], name=self.name, strategy=opened["strategy"], command=opened["command"],
            display=display, folder=self.folder,
        )  # fmt: skip

    def audit(self, display: Terminal) -> AuditParts:
        """The parts of an audit, built anew."""
        from poolwise.config.audit import audit_parts

        opened = self.where_it_began()
        return audit_parts(
            opened["config"], name=self.name, method=opened["strategy"], command=opened["command"],
            display=display, folder=self.folder,
        )  # fmt: skip

    def where_it_began(self) -> Mapping[str, Any]:
        """What the run began with; from here on the folder in which it did is the current one."""
        opened = self.ledger.state(self.name).opened
        here = Path(opened["cwd"])
        if here.is_dir() and here != Path.cwd():
            os.chdir(here)
        return opened


def stored_run(folder: Path) -> StoredRun:
    """Open a run by its folder.

    Raises:
        ConfigError: no run lies there.
        LedgerError: its ledger is missing; an empty one in its place would look like a run that never began.
    """
    folder = folder.resolve()
    file = folder / "config.yaml"
    if not file.is_file():
        raise ConfigError(f"{folder} is no run folder (it has no config.yaml); `poolwise status` lists them.")
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {str(error).splitlines()[0]}; restore it from a copy.") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{file} holds no settings; restore it from a copy.")
    ledger = ledger_of(config, folder).open(make=False)
    names = [name for name in ledger.runs() if not name.endswith("/control")]
    name = folder.name
    if not names:
        raise ConfigError(f"nothing began in {folder}: its settings were refused. Run again with others, or delete it.")
    if name not in names:
        raise ConfigError(f"the ledger of {folder} knows no run {name!r}; it knows {', '.join(names) or 'none'}.")
    return StoredRun(name, folder, config, ledger)

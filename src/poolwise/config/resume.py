"""Run a loop from its configuration, new or as the ledger remembers it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from poolwise.config.build import build_part
from poolwise.config.loop import ledger_of, loop_parts
from poolwise.config.trainings import find_here
from poolwise.config.trust import check_ledger_of, check_links, check_settings_of, is_known, remember, trust
from poolwise.errors import ConfigError
from poolwise.ledger.state import check_opened
from poolwise.ledger.store import OpenLedger
from poolwise.loop.job import check_ledger, loop_job
from poolwise.loop.parts import Parts
from poolwise.protocols import Annotator, ImageSource
from poolwise.report import words
from poolwise.terminal import Terminal
from poolwise.trainings.begun import begun_in
from poolwise.types import RunRecord

if TYPE_CHECKING:
    from poolwise.audit.parts import AuditParts


def run_config(config: Mapping[str, Any], *, name: str, strategy: str, command: str) -> list[RunRecord]:
    """Run a loop with a whole resolved configuration and tell the user how it ended."""
    display = Terminal(verbose=bool(config.get("verbose", True)))
    arms = loop_parts(config, name=name, strategy=strategy, command=command, display=display)
    check_ledger(arms[0])
    check_folder(arms[0].folder)
    remember(arms[0].config)
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
class ShownParts:
    """What showing a run needs of its parts: no model, so that it is there at once, and nothing that writes or asks."""

    run: str
    folder: Path
    config: Mapping[str, Any]
    images: ImageSource
    annotator: Any


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
        """Build the arms of a loop anew; relative paths are taken from where it began.

        Raises:
            UntrustedRun: see `trust.check_settings_of`.
        """
        opened = self.where_it_began()
        return loop_parts(
            opened["config"], name=self.name, strategy=opened["strategy"], command=opened["command"],
            display=display, folder=self.folder,
        )  # fmt: skip

    def audit(self, display: Terminal) -> AuditParts:
        """Build the parts of an audit anew. Raises UntrustedRun, as for `parts`."""
        from poolwise.config.audit import audit_parts

        opened = self.where_it_began()
        return audit_parts(
            opened["config"], name=self.name, method=opened["strategy"], command=opened["command"],
            display=display, folder=self.folder,
        )  # fmt: skip

    def shown(self) -> ShownParts:
        """Build pictures and annotator alone. Raises UntrustedRun: one of these two is no part of poolwise's."""
        opened = self.where_it_began(SHOWN)
        config = opened["config"]
        trusted = tuple(config.get("trusted") or ()) if is_known(config, opened["cwd"], self.folder) else ()
        annotator = build_part(config["annotation"], where="annotation", trusted=trusted, kind=Annotator)
        images = build_part(config["data"], where="data", trusted=trusted, kind=ImageSource)
        if annotator.simulated or self.job != "loop":  # as the jobs themselves have it
            images = replace(images, hide_labels=self.job == "loop")
        return ShownParts(self.name, self.folder, config, images, annotator)

    def where_it_began(self, only: Collection[str] | None = None) -> Mapping[str, Any]:
        """Check what the run began with, go to where it did, if a person did it on this machine, and return it.

        Args:
            only: groups of the settings that are to be built; None for all.

        Raises:
            UntrustedRun: see `trust.check_settings_of`.
        """
        opened = self.ledger.state(self.name).opened
        go_to(self.folder, opened["config"], opened["cwd"])
        check_settings_of(self.folder, opened["config"], opened["cwd"], only=only)
        return opened


SHOWN = ("data", "annotation")


def go_to(folder: Path, config: Mapping[str, Any], cwd: str) -> None:
    """Make the folder in which a run began the current one, if a person on this machine began it there.

    Packages of that person's own are found there, as they were then.
    """
    here = Path(cwd)
    if is_known(config, cwd, folder):
        if here.is_dir() and here != Path.cwd():
            os.chdir(here)
        find_here(config.get("trusted") or ())


def check_folder(folder: Path) -> None:
    """Check a folder that may have been there before. Raises UntrustedRun: links of another's lead out of it."""
    if folder.is_dir():
        file, job = folder / "config.yaml", begun_in(folder)
        check_links(folder, job.config if job else stored_settings(file) if file.is_file() else {})


def stored_settings(file: Path) -> dict[str, Any]:
    """Read the settings that a run keeps in a file.

    Raises:
        ConfigError: it cannot be read, or holds none.
    """
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{file} cannot be read: {str(error).splitlines()[0]}; restore it from a copy.") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{file} holds no settings; restore it from a copy.")
    return config


def stored_run(folder: Path, *, trusted: bool = False) -> StoredRun:
    """Open a run by its folder.

    Args:
        folder: of the run.
        trusted: a person vouches for its settings, from now on.

    Raises:
        ConfigError: no run lies there.
        UntrustedRun: its ledger, or a link in it, lies elsewhere, and nobody on this machine said so.
        LedgerError: its ledger is missing; an empty one in its place would look like a run that never began.
    """
    folder = folder.resolve()
    file = folder / "config.yaml"
    if not file.is_file():
        raise ConfigError(f"{folder} is no run folder (it has no config.yaml); `poolwise status` lists them.")
    config = stored_settings(file)
    if trusted:
        trust(folder)
    check_links(folder, config)
    check_ledger_of(folder, config)
    ledger = ledger_of(config, folder).open(make=False)
    names = [name for name in ledger.runs() if not name.endswith("/control")]
    name = folder.name
    if not names:
        raise ConfigError(f"nothing began in {folder}: its settings were refused. Run again with others, or delete it.")
    if name not in names:
        raise ConfigError(f"the ledger of {folder} knows no run {name!r}; it knows {', '.join(names) or 'none'}.")
    opened = ledger.state(name).opened
    check_opened(name, opened)
    if trusted:
        remember(config, opened["config"], began=opened["cwd"])
    return StoredRun(name, folder, config, ledger)

"""Open a run that lies on the disk, with all that is needed to go on with it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import Annotator, Display, ImageSource
from poolwise.core.parts import TARGET, build_part
from poolwise.jobs.run_folder import ledger_of
from poolwise.jobs.table import JOBS
from poolwise.jobs.trainings.build import find_here
from poolwise.jobs.trainings.job_file import JobFile, job_file
from poolwise.jobs.trust import check_ledger_of, check_links, check_settings_of, hash_of, is_known, remember, trust
from poolwise.ledger.events import RunOpened
from poolwise.ledger.store import OpenLedger


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
        """Return which command began it."""
        return self.ledger.state(self.name).opened.job

    def build(self, display: Display) -> Any:
        """Build the parts anew, of a loop those of each arm; relative paths are taken from where it began.

        Raises:
            UntrustedRun: see `trust.check_settings_of`.
        """
        opened = self.where_it_began()
        build = JOBS[self.job].load("build")
        return build(
            opened.config, name=self.name, method=opened.strategy, command=opened.command,
            display=display, folder=self.folder,
        )  # fmt: skip

    def shown(self) -> ShownParts:
        """Build pictures and annotator alone. Raises UntrustedRun: one of these two is no part of poolwise's."""
        opened = self.where_it_began(SHOWN)
        config = opened.config
        trusted = tuple(config.get("trusted") or ()) if is_known(config, opened.cwd, self.folder) else ()
        annotator = build_part(config["annotation"], where="annotation", trusted=trusted, kind=Annotator)
        images = build_part(config["data"], where="data", trusted=trusted, kind=ImageSource)
        if annotator.simulated or self.job != "loop":  # as the jobs themselves have it
            images = replace(images, hide_labels=self.job == "loop")
        return ShownParts(self.name, self.folder, config, images, annotator)

    def where_it_began(self, only: Collection[str] | None = None) -> RunOpened:
        """Check what the run began with, go to where it did, if a person did it on this machine, and return it.

        Args:
            only: groups of the settings that are to be built; None for all.

        Raises:
            UntrustedRun: see `trust.check_settings_of`.
            ConfigError: they name no data, or nobody who labels them.
        """
        opened = self.ledger.state(self.name).opened
        for group in SHOWN:
            if not isinstance(opened.config.get(group), Mapping) or TARGET not in opened.config[group]:
                raise ConfigError(
                    f"the settings of run {self.name!r} name no {group}; restore {self.folder} from a copy."
                )
        go_to(self.folder, opened.config, opened.cwd)
        check_ledger_of(self.folder, opened.config)
        check_settings_of(self.folder, opened.config, opened.cwd, only=only)
        return opened


@dataclass(frozen=True)
class StoredJob:
    """A job without a ledger, found on disk."""

    folder: Path
    file: JobFile

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.file.name

    @property
    def job(self) -> str:
        """Return which command began it."""
        return self.file.job

    def build(self, display: Display) -> Any:
        """Build the parts anew. Raises UntrustedRun: see `trust.check_settings_of`."""
        file = self.file
        go_to(self.folder, file.config, file.cwd)
        check_settings_of(self.folder, file.config, file.cwd)
        build = JOBS[file.job].load("build")
        return build(
            file.config, name=file.name, method=file.method, command=file.command, display=display, folder=self.folder
        )


def stored_job(folder: Path, *, trusted: bool = False) -> StoredRun | StoredJob:
    """Open the run or the job whose folder this is. Raises as `stored_run`."""
    folder = folder.resolve()
    file = job_file(folder)
    if file is None:
        return stored_run(folder, trusted=trusted)
    if trusted:
        trust(folder)
        remember(folder, file.config, began=file.cwd)
    check_folder(folder)
    return StoredJob(folder, file)


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
        check_links(folder, settings_in(folder))


def settings_in(folder: Path) -> Mapping[str, Any]:
    """Return the settings of the run that lies in a folder; nothing where none does. Raises ConfigError: damaged ones."""
    file, job = folder / "config.yaml", job_file(folder)
    return job.config if job else stored_settings(file) if file.is_file() else {}


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
    try:
        hash_of(config)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} holds what no setting is ({error}); restore it from a copy.") from error
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
    if trusted:
        remember(folder, config, opened.config, began=opened.cwd)
    return StoredRun(name, folder, config, ledger)

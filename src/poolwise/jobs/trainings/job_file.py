"""A job that has no ledger: what it is and what came of it, in one file of its folder; its trainings are kept elsewhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import yaml

from poolwise.core.errors import ConfigError
from poolwise.core.files import held, write_text
from poolwise.jobs.resume import check_settings
from poolwise.jobs.run_folder import NamedParts, run_log
from poolwise.jobs.table import JOBS

FILE = "job.yaml"


class JobParts(NamedParts, Protocol):
    """What the parts of such jobs have."""

    @property
    def method(self) -> str:
        """Return what the job is about, by name."""

    @property
    def command(self) -> str:
        """Return what a person types to repeat it."""


@dataclass(frozen=True)
class JobFile:
    """What the file of a job says.

    Attributes:
        job: which command began it.
        name: of the run.
        method: what the job is about, by name.
        command: what a person types to repeat it.
        cwd: where that was typed.
        config: the whole resolved configuration.
        note: the answer in sentences; "" until it ended.
    """

    job: str
    name: str
    method: str
    command: str
    cwd: str
    config: Mapping[str, Any]
    note: str = ""


@contextmanager
def hold_job(job: str, parts: JobParts, may_change: Collection[str]) -> Iterator[Callable[[], None]]:
    """Hold the folder of a job while it works, with its log and its file.

    Yields what is to be called before the results are written: it raises LedgerMoved where the folder was removed, moved
    or replaced, perhaps by one in which the same job is at work again.

    Raises:
        SettingsChanged: it was begun with others than those that `may_change`.
        RunBusy: another process works on it.
    """
    with held(parts.folder, parts.run) as lock, run_log(parts.folder / f"{job}.log"):
        before = job_file(parts.folder)
        if before:
            kept = ({k: v for k, v in each.items() if k not in may_change} for each in (before.config, parts.config))
            check_settings(parts.run, *kept)
        _write(parts.folder, JobFile(job, parts.run, parts.method, parts.command, os.getcwd(), dict(parts.config)))
        yield lock.check


def ended(folder: Path, note: str) -> None:
    """Write what came of a job into its file."""
    before = job_file(folder)
    assert before is not None
    _write(folder, replace(before, note=note))


def job_file(folder: Path) -> JobFile | None:
    """Return the file of the job whose folder this is; None if it is that of none.

    Raises:
        ConfigError: its file is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        found = JobFile(**yaml.safe_load(file.read_text(encoding="utf-8")))
        for each in fields(found):
            if not isinstance(getattr(found, each.name), Mapping if each.name == "config" else str):
                raise TypeError(f"{each.name} is {getattr(found, each.name)!r}")
        known = [name for name, row in JOBS.items() if row.keeps == "file"]
        if found.job not in known:
            raise TypeError(f"job is {found.job!r}, none of {', '.join(known)}")
        json.dumps(found.config, default=str)  # nothing in it holds itself
        return found
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        told = str(error).splitlines()[0]
        raise ConfigError(
            f"{file} is damaged ({told}); delete it and give the command again: no training is lost."
        ) from None


def _write(folder: Path, job: JobFile) -> None:
    content = {each.name: asdict(job)[each.name] for each in fields(job)}
    write_text(folder / FILE, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))

"""The folder of a run: its name, its ledger, its settings and log; and telling the tracker what lies there."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from poolwise.core.errors import ConfigError, SettingsChanged
from poolwise.core.interfaces import Annotator, Display, ImageSource, Tracker
from poolwise.core.parts import construct
from poolwise.core.settings import setting
from poolwise.core.types import RunRecord
from poolwise.core.voting import Vote
from poolwise.jobs.resume import is_unnamed
from poolwise.ledger.store import Ledger
from poolwise.ledger.votes import Votes

LONGEST = 40
"""Characters of further settings in a run's name; more become eight of their hash."""


PACKAGES = ("poolwise", "torch", "torchvision", "pytorch-lightning", "faiss-cpu", "mlflow", "numpy", "scikit-learn")


@dataclass(frozen=True)
class LedgerConfig:
    """Where a ledger lies."""

    url: str = setting("", '"": sqlite in the run folder; or postgresql+psycopg://host/database (PGUSER, PGPASSWORD)')


class NamedParts(Protocol):
    """What the parts of every job have."""

    @property
    def run(self) -> str:
        """Its name."""

    @property
    def folder(self) -> Path:
        """Return where its files lie."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The whole resolved configuration, as JSON."""


class RunParts(NamedParts, Protocol):
    """What the parts of jobs with a ledger have."""

    @property
    def images(self) -> ImageSource:
        """Its pictures."""

    @property
    def annotator(self) -> Annotator:
        """Return who answers."""


def name_of(
    group: str, choices: Mapping[str, str], overrides: Sequence[str], seed: int | None, *, sweep: bool = False
) -> str:
    """Return a run's name by the group of parts that its job is about; see `run_name`. Without a seed for a job of several."""
    said = {"data", group, "seed", "config"}
    others = sorted(item.lstrip("+~") for item in overrides if item.split("=")[0].lstrip("+~") not in said)
    named = ("data.root", "data.path", "ledger", *(("budget",) if sweep else ()))
    others = [item for item in others if not is_unnamed(item.split("=")[0]) or item.startswith(named)]
    rest = "-".join(others)
    safe = re.sub(r"[^A-Za-z0-9._=,+-]+", "_", rest).strip("_.")
    if safe != rest or len(safe) > LONGEST:  # two settings must not share a folder, and nobody reads a long name
        safe = hashlib.sha256(rest.encode()).hexdigest()[:8]
    of_seed = "" if seed is None else f"seed{seed}"
    return "-".join(filter(None, [choices.get("data", "data"), choices.get(group, group), of_seed, safe]))


def check_name(name: str, *reserved: str) -> None:
    """Raise ConfigError for what is no name of a folder, or a reserved one."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=,+-]{0,150}", name) or name in reserved:
        raise ConfigError(f"run_name is {name!r}; it takes letters, digits and . _ = , + - (it names a folder).")


def ledger_of(config: Mapping[str, Any], folder: Path) -> Ledger:
    """Return the ledger of a run: in its folder, unless a URL is set."""
    options = dict(config.get("ledger") or {})
    url = str(options.get("url") or "")
    ledger: Ledger = construct(
        Ledger, {**options, "url": url or f"sqlite:///{(folder / 'ledger.db').resolve()}"}, "ledger"
    )
    return ledger


def with_votes(annotator: Annotator, config: Mapping[str, Any], folder: Path, run: str) -> Annotator:
    """Return the annotator with what reads the run's votes, where it makes use of them."""

    def votes() -> list[Vote]:
        ledger = ledger_of(config, folder).open(make=False)
        try:
            return Votes(ledger, run).all()
        finally:
            ledger.close()

    return annotator.reading(votes)


def check_ledger(main: RunParts) -> None:
    """Refuse to open another ledger for a run that has one.

    Another ledger in the same folder would begin the run anew, over the old one's files.

    Raises:
        SettingsChanged: names the file that says where the ledger is.
        ConfigError: that file is damaged.
    """
    import yaml

    file = main.folder / "config.yaml"
    if not file.exists():
        return
    try:
        before = yaml.safe_load(file.read_text(encoding="utf-8"))["ledger"] or {}
        url = before.get("url") or ""
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"{file} is damaged and says no more where the run's ledger is; restore it from a copy."
        ) from error
    after = main.config.get("ledger") or {}
    if url != (after.get("url") or ""):
        raise SettingsChanged(
            f"run {main.run!r} keeps its ledger elsewhere: ledger.url differs from that in {file}. "
            "Use the old one, or give the new one a run of its own with run_name=..."
        )


def yaml_of(config: Any) -> str:
    """Return a configuration as YAML."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(dict(config)))


def versions() -> dict[str, str]:
    """Return versions of what shapes the numbers."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


class run_log:  # noqa: N801 (reads as a statement)
    """Send the package's log to a file for as long as the block lasts."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.handler = logging.FileHandler(self.file, encoding="utf-8")
        self.handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self.logger = logging.getLogger("poolwise")
        self.logger.addHandler(self.handler)
        self.logger.setLevel(logging.INFO)

    def __exit__(self, *_: object) -> None:
        self.logger.removeHandler(self.handler)
        self.handler.close()


def why(tracker: Tracker) -> str:
    """Return what follows "has not been told everything": the tracker's own reason, if it says one."""
    reason = tracker.why()
    return f": {reason}" if reason else ""


def tell_all(tracker: Tracker, record: RunRecord, files: Mapping[str, Path], display: Display) -> bool:
    """Send a job's record and files; whether the tracker knows all now."""
    done = tracker.sync(record, files=files)
    if not done:
        display.warn(
            f"The tracker has not been told everything of {record.name}{why(tracker)}; the same command sends the rest."
        )
    return done

"""The job of `poolwise loop`: the run, its control, the report, the tracker."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError, SettingsChanged
from poolwise.core.files import write_text
from poolwise.core.interfaces import Display, Tracker
from poolwise.core.types import RunRecord
from poolwise.jobs.loop.parts import Parts, RunParts
from poolwise.jobs.loop.runner import last_model, run_loop
from poolwise.ledger.store import OpenLedger

PACKAGES = ("poolwise", "torch", "torchvision", "pytorch-lightning", "faiss-cpu", "mlflow", "numpy", "scikit-learn")


def loop_job(arms: Sequence[Parts], ledger: OpenLedger) -> list[RunRecord]:
    """Run each arm as far as it goes, then write the report and tell the tracker.

    Returns:
        One record an arm; the first is the run itself.
    """
    main = arms[0]
    with ledger.lock(main.run, main.folder), run_log(main.folder / "loop.log"):
        if not (main.folder / "config.yaml").exists():  # how the run is found again, whatever happens next
            write_text(main.folder / "config.yaml", yaml_of(main.config))
        records: list[RunRecord] = []
        for parts in arms:
            records.append(run_loop(parts, ledger))
            if records[-1].status != "stopped":
                break
        ledger.check()
        write_text(main.folder / "config.yaml", yaml_of(main.config))
        report = report_on(records, main)
        for parts, record in zip(arms, records, strict=False):
            tell(parts, record, report, ledger)
    return records


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


def report_on(records: Sequence[RunRecord], main: RunParts) -> Path:
    """Write report.html, summary.json and the curve below the run's folder."""
    from poolwise.report.page import write_report

    def thumbnail(sample_id: int) -> NDArray[np.uint8]:
        pixels: NDArray[np.uint8] = main.images.read(np.array([sample_id], dtype=np.int64))[0]
        return pixels

    return write_report(records, thumbnail, versions())


def versions() -> dict[str, str]:
    """Versions of what shapes the numbers."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def tell(parts: Parts, record: RunRecord, report: Path, ledger: OpenLedger) -> bool:
    """Send what the tracker misses of a run; whether it knows all now."""
    from poolwise.report.figures import round_figures

    names = ("report.html", "learning_curve.png", "summary.json")
    files = {name: report.parent / name for name in names if (report.parent / name).is_file()}
    done = parts.tracker.sync(
        record,
        model=last_model(parts, ledger) if record.status == "stopped" else None,
        files=files if record.status == "stopped" else {},
        round_figures=round_figures(record),
    )
    if not done:
        parts.display.warn(
            f"The tracker has not been told everything of {record.name}{why(parts.tracker)}; "
            f"`poolwise track {record.folder}` sends the rest."
        )
    return done


def yaml_of(config: Any) -> str:
    """A configuration as YAML."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(dict(config)))


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

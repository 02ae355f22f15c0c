"""The job of `poolwise loop`: the run, its control, the report, the tracker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poolwise.core.files import write_text
from poolwise.core.types import RunRecord
from poolwise.jobs.loop.parts import Parts
from poolwise.jobs.loop.runner import last_model, run_loop
from poolwise.jobs.run_folder import RunParts, run_log, versions, why, yaml_of
from poolwise.ledger.store import OpenLedger


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


def report_on(records: Sequence[RunRecord], main: RunParts) -> Path:
    """Write report.html, summary.json and the curve below the run's folder."""
    from poolwise.report.page import write_report

    def thumbnail(sample_id: int) -> NDArray[np.uint8]:
        pixels: NDArray[np.uint8] = main.images.read(np.array([sample_id], dtype=np.int64))[0]
        return pixels

    return write_report(records, thumbnail, versions())


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

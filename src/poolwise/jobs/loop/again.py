"""Report on a loop that lies on the disk, and send what its tracker misses."""

from __future__ import annotations

from poolwise.core.interfaces import Display
from poolwise.core.types import RunRecord
from poolwise.jobs.loop.build import CONTROL
from poolwise.jobs.loop.job import report_on
from poolwise.jobs.loop.job import tell as send
from poolwise.jobs.resume import check_data
from poolwise.jobs.run_folder import why
from poolwise.jobs.stored import StoredRun


def report(run: StoredRun, display: Display, *, tell: bool) -> list[str]:
    """Write the page of a stored loop anew; with `tell`, return why the tracker misses some of it, if it does.

    Raises:
        DataChanged: the pictures would not be those that were asked for.
        UntrustedRun: settings of somebody else that reach beyond the folder, and nobody vouches for them.
    """
    if tell:
        arms, records = run.build(display), records_of(run)
        page = report_on(records, arms[0])
        sent = zip(arms, records, strict=False)
        return [why(parts.tracker) for parts, record in sent if not send(parts, record, page, run.ledger)]
    shown, opened = run.shown(), run.ledger.state(run.name).opened
    check_data(run.name, opened.digests, shown.images.manifest, opened.data)
    report_on(records_of(run), shown)
    return []


def records_of(run: StoredRun) -> list[RunRecord]:
    """Return where each arm of a stored run stands: the run itself and, if there is one, its control."""
    places = {run.name: run.folder, f"{run.name}/{CONTROL}": run.folder / CONTROL}
    states = {name: run.ledger.state(name) for name in places}
    return [state.record(name, places[name]) for name, state in states.items() if state.begun]

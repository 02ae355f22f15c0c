"""The job of `poolwise audit`: judge the labels, put the worst out for review, take what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from poolwise.core.errors import ConfigError
from poolwise.core.files import write_text
from poolwise.core.interfaces import Display
from poolwise.core.types import RunRecord, label_text
from poolwise.jobs.answers import batch_of, cannot_tell
from poolwise.jobs.audit import steps
from poolwise.jobs.audit.parts import AuditParts
from poolwise.jobs.audit.results import review_of
from poolwise.jobs.resume import check_data, check_settings
from poolwise.jobs.run_folder import run_log, tell_all, versions, why, yaml_of
from poolwise.jobs.stored import StoredRun
from poolwise.ledger.blobs import Blobs
from poolwise.ledger.events import BatchEmitted, NewEvent, RunParked, RunStopped, SettingsChanged
from poolwise.ledger.state import RunState, apply
from poolwise.ledger.store import OpenLedger
from poolwise.report.audit import AuditPage, write_audit_page


def audit_job(parts: AuditParts, ledger: OpenLedger) -> RunRecord:
    """Go on with an audit as far as it goes, write its files, tell the tracker.

    Raises:
        SettingsChanged, DataChanged: the audit began with others.
        DataError: labels that cannot be judged.
    """
    with ledger.lock(parts.run, parts.folder), run_log(parts.folder / "audit.log"):
        if not (parts.folder / "config.yaml").exists():
            write_text(parts.folder / "config.yaml", yaml_of(parts.config))
        state = _advanced(ledger.state(parts.run), parts, ledger)
        ledger.check()
        write_text(parts.folder / "config.yaml", yaml_of(parts.config))
        return told(state, parts)[0]


def told(state: RunState, parts: AuditParts) -> tuple[RunRecord, bool]:
    """Write tables and page anew, and send what the tracker misses; the record, and whether the tracker knows all."""
    blobs = Blobs(parts.folder / "blobs")
    audit = state.audits[0]
    budget = parts.settings.budget
    files = steps.write_tables(audit, parts.folder, parts.images.manifest, blobs, budget)
    record = audit_record(state, parts)
    files["summary.json"] = parts.folder / "summary.json"
    write_text(files["summary.json"], steps.summary_json(record, audit))
    kept = json.loads(blobs.path(audit.tables).read_text(encoding="utf-8"))
    kept["issues"] = {name: column[:budget] for name, column in kept["issues"].items()}
    page = AuditPage(record, audit, kept, _answers(state), review_of(audit, budget))
    files["report.html"] = write_audit_page(page, lambda at: parts.images.read(steps.one(at))[0], versions())
    return record, tell_all(parts.tracker, record, files, parts.display)


def report(run: StoredRun, display: Display, *, tell: bool) -> list[str]:
    """Write the tables and the page of a stored audit anew, tell the tracker, and return why it misses something.

    Raises:
        ConfigError: nothing is judged yet.
        DataChanged: the pictures would not be those that were judged.
    """
    parts, state = run.build(display), run.ledger.state(run.name)
    if not state.audits:
        raise ConfigError(f"audit {run.name} has judged nothing yet; `{state.opened.command}` goes on with it.")
    check_data(run.name, state.opened.digests, parts.images.manifest, state.opened.data)
    return [] if told(state, parts)[1] else [why(parts.tracker)]


def audit_record(state: RunState, parts: AuditParts) -> RunRecord:
    """Return the audit as reports and trackers are given it."""
    audit, (changed, looked) = state.audits[0], steps.changed(state)
    results = {**audit.results, **({"reviewed": looked, "changed_in_review": changed} if looked else {})}
    size = min(parts.settings.budget, len(audit.expected))
    if size != results["review"]:  # the budget has changed since the labels were judged
        results |= {"review": size, "expected_in_review": audit.expected[size - 1] if size else 0.0}
        results.pop("precision_in_review", None)
    note = " ".join(filter(None, [review_of(audit, size), *audit.messages]))
    if looked:
        note += f" {looked} were reviewed, {changed} of them changed."
    record = state.record(parts.run, parts.folder)
    return replace(record, job="audit", results=results, tables=("label_issues.json",), note=note, rounds=())


def _advanced(state: RunState, parts: AuditParts, ledger: OpenLedger) -> RunState:
    def add(event: NewEvent) -> None:
        nonlocal state
        state = apply(state, ledger.append(parts.run, state.events, event))

    if state.events:
        check_data(parts.run, state.opened.digests, parts.images.manifest, state.opened.data)
        if check_settings(parts.run, state.opened.config, parts.config):
            add(NewEvent(0, SettingsChanged(dict(parts.config), parts.command)))
    else:
        add(steps.open_audit(parts))
    blobs = Blobs(parts.folder / "blobs", ledger.check)
    if not state.audits:
        add(steps.judged(state, parts, blobs))
    for line in filter(None, [review_of(state.audits[0], parts.settings.budget), *state.audits[0].messages]):
        parts.display.say(line)
    listed = json.loads(blobs.path(state.audits[0].tables).read_text(encoding="utf-8"))["issues"]
    while not state.stopped:
        ledger.check()
        events = _next(state, parts, listed)
        for event in events:
            add(event)
        if not events or isinstance(events[-1].fact, RunParked):
            break
    if state.stopped and state.stopped != _ended(state):  # answers that came late
        add(NewEvent(len(state.rounds), RunStopped(_ended(state))))
    return state


def _ended(state: RunState) -> str:
    changed, looked = steps.changed(state)
    return f"{looked} labels reviewed, {changed} changed"


def _next(state: RunState, parts: AuditParts, listed: Mapping[str, Any]) -> list[NewEvent]:
    """Return what comes next in the review, from the ledger alone."""
    if not state.rounds or state.rounds[-1].closed:
        asked = len(state.asked())
        if asked < min(parts.settings.budget, len(listed["rank"])):
            return [steps.queried(state, parts, listed, asked)]
        if parts.settings.budget > len(listed["rank"]) < state.opened.data["given"]:
            parts.display.warn(
                f"budget is {parts.settings.budget}, and {len(listed['rank'])} labels were listed when they were judged; "
                "for more, give it a run of its own with run_name=... (no model is trained again)."
            )
        return [NewEvent(len(state.rounds), RunStopped(_ended(state)))]
    batch = batch_of(state, parts)
    if not state.rounds[-1].emitted:
        return [NewEvent(batch.round, BatchEmitted(parts.annotator.emit(batch, parts.images)))]
    return steps.collected(state, parts, batch)


def _answers(state: RunState) -> dict[int, str | None]:
    """Return sample id -> what people said of it, None where they could not tell, of those that they looked at."""
    return {
        at: None if cannot_tell(row) else label_text(row.label)
        for at, row in state.annotations.items()
        if row.source != steps.GIVEN
    }

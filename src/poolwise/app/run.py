"""Run each job with its whole resolved configuration and tell the user how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poolwise.app.terminal import Terminal
from poolwise.core.types import RunRecord
from poolwise.jobs.audit.build import audit_parts
from poolwise.jobs.audit.build import ending as audit_ending
from poolwise.jobs.audit.job import audit_job
from poolwise.jobs.benchmark.build import plan_of, run_task
from poolwise.jobs.benchmark.job import Outcome, benchmark_job
from poolwise.jobs.compare.build import compare_parts
from poolwise.jobs.compare.job import compare_job
from poolwise.jobs.loop.build import ending, ledger_of, loop_parts
from poolwise.jobs.loop.job import check_ledger, loop_job
from poolwise.jobs.samplesize.build import samplesize_parts
from poolwise.jobs.samplesize.job import samplesize_job
from poolwise.jobs.stored import check_folder
from poolwise.jobs.trust import remember


def run_config(config: Mapping[str, Any], *, name: str, strategy: str, command: str) -> list[RunRecord]:
    """Run a loop with a whole resolved configuration and tell the user how it ended."""
    display = Terminal(verbose=bool(config.get("verbose", True)))
    arms = loop_parts(config, name=name, strategy=strategy, command=command, display=display)
    check_ledger(arms[0])
    check_folder(arms[0].folder)
    remember(arms[0].folder, arms[0].config)
    ledger = ledger_of(config, arms[0].folder).open()
    try:
        records = loop_job(arms, ledger)
    finally:
        ledger.close()
    for line in ending(records):
        (display.say if records[0].message else display.note)(line)
    return records


def run_audit(config: Mapping[str, Any], *, name: str, method: str, command: str) -> RunRecord:
    """Run an audit with its whole resolved configuration and tell the user how it ended."""
    display = Terminal(verbose=bool(config.get("verbose", True)))
    parts = audit_parts(config, name=name, method=method, command=command, display=display)
    check_ledger(parts)
    check_folder(parts.folder)
    remember(parts.folder, parts.config)
    ledger = ledger_of(config, parts.folder).open()
    try:
        record = audit_job(parts, ledger)
    finally:
        ledger.close()
    for line in audit_ending(record):
        (display.say if record.message else display.note)(line)
    return record


def run_compare(config: Mapping[str, Any], *, name: str, method: str, command: str) -> RunRecord:
    """Run a comparison with its whole resolved configuration and tell the user how it ended."""
    display = Terminal(verbose=bool(config.get("verbose", True)))
    parts = compare_parts(config, name=name, method=method, command=command, display=display)
    check_folder(parts.folder)
    remember(parts.folder, parts.config)
    record, _ = compare_job(parts)
    display.say(record.note)
    display.note(f"tables: {record.folder / 'results.csv'}, {record.folder / 'summary.csv'}")
    display.note(f"report: {record.folder / 'report.html'}")
    return record


def run_samplesize(config: Mapping[str, Any], *, name: str, method: str, command: str) -> RunRecord:
    """Run an experiment with its whole resolved configuration and tell the user how it ended."""
    display = Terminal(verbose=bool(config.get("verbose", True)))
    parts = samplesize_parts(config, name=name, method=method, command=command, display=display)
    check_folder(parts.folder)
    remember(parts.folder, parts.config)
    record, _ = samplesize_job(parts)
    display.say(record.note)
    display.note(f"tables: {record.folder / 'points.csv'}, {record.folder / 'samplesize.json'}")
    display.note(f"report: {record.folder / 'report.html'}")
    return record


def run_benchmark(config: Mapping[str, Any], *, command: str) -> Outcome:
    """Run a benchmark with its whole resolved configuration and tell the user how it ended."""
    plan = plan_of(config, command=command)
    for task in plan.tasks:
        check_folder(task.folder)
    remember(plan.folder, *(task.config for task in plan.tasks))
    display = Terminal()
    display.say(
        f"benchmark {plan.name}: {len(plan.tasks)} cells, {plan.jobs} at once; stop it at any time, "
        "the same command goes on."
    )
    outcome = benchmark_job(plan, run_task, display)
    if outcome.report:
        display.say(f"report: {outcome.report}")
    if outcome.failures:
        display.warn(f"{len(outcome.failures)} of {len(plan.tasks)} cells failed; the same command tries them again.")
    return outcome

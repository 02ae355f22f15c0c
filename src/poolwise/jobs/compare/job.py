"""The job of `poolwise compare`: clean, train every arm with every seed, measure, tell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.core.files import write_text
from poolwise.core.types import RunRecord, TrialRecord
from poolwise.jobs.benchmark.results import as_csv
from poolwise.jobs.compare import tables
from poolwise.jobs.compare.arms import Case, chosen
from poolwise.jobs.compare.cases import cases
from poolwise.jobs.compare.caveats import caveats
from poolwise.jobs.compare.measured import Metrics, Trial, by_class, detection, trial
from poolwise.jobs.compare.parts import CompareParts
from poolwise.jobs.compare.settings import SEEDOO
from poolwise.jobs.compare.splits import Splits, split_samples
from poolwise.jobs.compare.summary import Row, experiments, judged_by, sentences, summary
from poolwise.jobs.compare.trainings import trainings
from poolwise.jobs.run_folder import tell_all, versions
from poolwise.jobs.samples import data_facts
from poolwise.jobs.trainings.fits import finish
from poolwise.jobs.trainings.job_file import ended, hold_job
from poolwise.metric.classification import headline
from poolwise.report.compare import ComparePage, write_compare_page

MAY_CHANGE = ("jobs", "cache", "verbose", "tracking", "runs", "run_name", "trusted")
"""Settings that do not touch what comes out."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """All that was measured."""

    common: Splits
    cases: Sequence[Case]
    trials: Sequence[Trial]
    rows: Sequence[Row]
    detections: Mapping[int, Metrics]
    notes: Sequence[str]


def compare_job(parts: CompareParts) -> tuple[RunRecord, bool]:
    """Train what is not trained, write the tables and the page, tell the tracker; the record, and whether the tracker knows all.

    Raises:
        SettingsChanged: a comparison of this name was begun with other settings.
        DataError, ConfigError: data that cannot be compared on.
    """
    with hold_job("compare", parts, MAY_CHANGE) as check:
        outcome = compared(parts)
        check()
        record, files = _written(parts, outcome)
        ended(parts.folder, record.note)
        return record, tell_all(parts.tracker, record, files, parts.display)


def compared(parts: CompareParts) -> Outcome:
    """Train and measure every arm with every seed."""
    manifest, audit = parts.audit.images.manifest, parts.audit
    chosen(parts.settings.arms, truth=True, suggests=True)  # a misspelt one is told before anything is trained
    common = split_samples(parts)
    every = cases(parts, common)
    suggests = every[0].pruned.suggested is not None
    known = common.truth is not None and bool((common.truth[common.train.ids] >= 0).any())
    arms, notes = chosen(parts.settings.arms, truth=known, suggests=suggests)
    member = next(iter(audit.members.items()))
    planned = trainings(every, arms, parts.settings.review, member, manifest, audit.cache)
    finish(list(planned.values()), audit.work, audit.settings.jobs, parts.display)
    trials = []
    for case in every:
        for arm in arms:
            fit = planned[arm, case.seed]
            probs = np.load(fit.file, allow_pickle=False)
            trials.append(trial(arm, case, fit.train, fit.scored, probs, manifest.task, manifest.classes))
    detections = {case.seed: detection(case) for case in every}
    return Outcome(common, every, trials, summary(trials), detections, caveats(parts, common, every, notes))


def ending(result: tuple[RunRecord, bool]) -> list[str]:
    """Return what the user should know when the command returns."""
    folder = result[0].folder
    return [f"tables: {folder / 'results.csv'}, {folder / 'summary.csv'}", f"report: {folder / 'report.html'}"]


def _written(parts: CompareParts, outcome: Outcome) -> tuple[RunRecord, dict[str, Path]]:
    """Write tables and figures; return the record, and the files that go with it."""
    manifest = parts.audit.images.manifest
    whole = {
        "results": tables.results(outcome.trials, outcome.detections),
        "summary": tables.summary(outcome.rows),
        "removed": by_class(outcome.cases, manifest.classes),
    }
    files = {}
    for name, rows in whole.items():
        for suffix, text in (
            (".csv", as_csv(rows)),
            (".json", json.dumps(tables.split_form(rows), ensure_ascii=False)),
        ):
            files[f"{name}{suffix}"] = parts.folder / f"{name}{suffix}"
            write_text(files[f"{name}{suffix}"], text)
    record = _record(parts, outcome)
    page = ComparePage(
        run=record,
        messages=tuple(sentences(outcome.rows, record.metric)),
        judged_by=judged_by(outcome.rows),
        summary=whole["summary"],
        removed=whole["removed"],
        results=whole["results"],
        caveats=tuple(outcome.notes),
        experiments=_experiments(parts, outcome, record.metric),
        planted=parts.settings.planted.share,
    )
    for path in write_compare_page(page, versions()):
        files[path.name] = path
    return record, files


def _experiments(parts: CompareParts, outcome: Outcome, metric: str) -> tuple[dict[str, Any], ...]:
    if parts.settings.preset != SEEDOO:
        return ()
    return tuple(
        {"experiment": letter, "trained_on": arm, "validated_on": test, "mean": mean,
         "difference": gap.mean, "low": gap.low, "high": gap.high}
        for letter, arm, test, mean, gap in experiments(outcome.trials, metric)
    )  # fmt: skip


def _record(parts: CompareParts, outcome: Outcome) -> RunRecord:
    """Return the comparison as reports and trackers are given it."""
    manifest, common = parts.audit.images.manifest, outcome.common
    metric = headline(manifest.task)
    return RunRecord(
        name=parts.run,
        strategy=parts.method,
        folder=parts.folder,
        config=parts.config,
        command=parts.command,
        metric=metric,
        data=data_facts(manifest, given=len(common.train), tested=len(common.test)),
        rounds=(),
        status="stopped",
        stop_reason=f"{len(outcome.trials)} trainings compared",
        job="compare",
        results=tables.numbers(outcome.trials, outcome.rows, outcome.detections),
        tables=("summary.json", "results.json", "removed.json"),
        note=" ".join(sentences(outcome.rows, metric)),
        trials=tuple(
            TrialRecord(
                f"{each.arm}, seed {each.seed}",
                {"arm": each.arm, "seed": each.seed},
                tables.trial_numbers(each, outcome.detections[each.seed]),
            )
            for each in outcome.trials
        ),
    )

"""The job of `poolwise samplesize`: train every size, fit, extrapolate, tell."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.core.files import write_text
from poolwise.core.types import Manifest, RunRecord, TrialRecord
from poolwise.jobs.benchmark.results import as_csv
from poolwise.jobs.run_folder import tell_all, versions
from poolwise.jobs.samples import data_facts
from poolwise.jobs.samplesize import answers, tables
from poolwise.jobs.samplesize.caveats import caveats, few_sizes
from poolwise.jobs.samplesize.cells import Splits, cells, split_samples, subsets, trainings
from poolwise.jobs.samplesize.cleaned import Cleaned, changed_share, clean_splits, cleaned, sentence
from poolwise.jobs.samplesize.cleaned import numbers as of_cleaned
from poolwise.jobs.samplesize.cleaned import rows as rows_of_cleaned
from poolwise.jobs.samplesize.measured import METRICS, Point, guessing, metric_of, point
from poolwise.jobs.samplesize.parts import SampleSizeParts, Training
from poolwise.jobs.samplesize.settings import SampleSizeConfig
from poolwise.jobs.trainings.fits import Fit, finish
from poolwise.jobs.trainings.job_file import ended, hold_job
from poolwise.metric.curve.classes import ClassNeed, binding_class, class_needs
from poolwise.metric.curve.design import Cell
from poolwise.metric.curve.fit import CurveFit
from poolwise.report.samplesize import SampleSizePage, write_samplesize_page

MAY_CHANGE = (
    "target", "class_target", "metric", "most", "at", "unit", "curve", "shares", "sizes", "repeats", "jobs", "cache", "verbose",
    "tracking", "runs", "run_name", "trusted",
)  # fmt: skip
"""Settings that do not touch what a training comes to: an experiment may grow, and be asked for another target."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """All that was measured.

    Attributes:
        metric: that the target is of.
        points: a row a training.
        fits: metric -> its curve, the one of the target first.
        by_class: class -> curve of its recall against its own number of labels.
        data: what reports and trackers are told of the data.
        notes: what to know before believing it.
        clean: the same with cleaned labels, where that is asked for.
        training: how every size was trained; None where numbers were brought.
    """

    metric: str
    points: Sequence[Point]
    fits: Mapping[str, CurveFit]
    by_class: Mapping[str, CurveFit]
    data: Mapping[str, Any]
    notes: Sequence[str]
    clean: Cleaned | None = None
    training: Training | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what is doubtful, of the trainings and of the curve."""
        return (*(self.training.warnings if self.training else ()), *self.fit.warnings)

    @property
    def fit(self) -> CurveFit:
        """The curve that the target is of."""
        return self.fits[self.metric]


def samplesize_job(parts: SampleSizeParts) -> tuple[RunRecord, bool]:
    """Train what is not trained, write the tables and the page, tell the tracker; the record, and whether the tracker knows all.

    Raises:
        SettingsChanged: an experiment of this name was begun with settings that give other trainings.
        DataError, ConfigError: data that cannot be learnt from.
    """
    with hold_job("samplesize", parts, MAY_CHANGE) as check:
        outcome = measured(parts) if parts.imported is None else imported(parts)
        for warning in outcome.fit.warnings:
            parts.display.warn(warning)
        check()
        record, files = _written(parts, outcome)
        ended(parts.folder, record.note)
        return record, tell_all(parts.tracker, record, files, parts.display)


def measured(parts: SampleSizeParts) -> Outcome:
    """Return every size with every repeat, trained and measured."""
    images, settings = parts.images, parts.settings
    assert images is not None
    assert parts.learner is not None
    assert parts.work is not None
    manifest = images.manifest
    metric = metric_of(settings.metric, manifest.task)  # a misspelt one is told before anything is trained
    common = split_samples(parts, images)
    planned = cells(settings, len(common.train), len(manifest.classes))
    rows = subsets(common.train, planned, settings.subsets, settings.seed)
    training = parts.learner(planned[0].size, planned[-1].size)
    for warning in (*few_sizes(planned), *training.warnings):
        parts.display.warn(warning)
    splits = (common,) if parts.clean is None else clean_splits(common, parts.clean)
    fits = [
        trainings(each, rows, training.config, settings.seed, parts.cache, name)
        for each, name in zip(splits, ("", ", cleaned"), strict=False)
    ]
    finish([fit[cell] for cell in planned for fit in fits], parts.work, settings.jobs, parts.display)
    points, *clean = ([_point(cell, each[cell], splits[0], manifest) for cell in planned] for each in fits)
    chance = guessing(metric, common.test.labels, len(manifest.classes))
    curves = {metric: answers.fitted(points, metric, parts.prior, replace(settings, chance=chance))}
    for other in METRICS[manifest.task]:
        if other != metric:
            curves[other] = answers.fitted(points, other, parts.prior, settings)
    data = data_facts(manifest, given=len(common.train), tested=len(common.test))
    notes = caveats(settings, common, planned, curves[metric], training.held)
    notes += ["All trainings are measured on the cleaned test labels."] if clean else []
    classes = answers.by_class(points, parts.prior)
    beside = [cleaned(mine, curves[metric], metric, parts.prior, settings, changed_share(*splits)) for mine in clean]
    return Outcome(metric, points, curves, classes, data, notes, next(iter(beside), None), training)


def _point(cell: Cell, fit: Fit, common: Splits, manifest: Manifest) -> Point:
    probs = np.load(fit.file, allow_pickle=False)
    return point(cell.size, cell.repeat, fit.train, common.test, probs, manifest.task, manifest.classes)


def imported(parts: SampleSizeParts) -> Outcome:
    """Return points that were measured elsewhere."""
    given = parts.imported
    assert given is not None
    fit = answers.fitted(given.points, given.metric, parts.prior, parts.settings)
    data = {"name": given.name, "digest": given.digest, "task": "", "classes": []}
    note = "These scores were measured elsewhere: see that one test set, apart from all training samples, measured all of them."
    points = [each for each in given.points if math.isfinite(each.scores[given.metric])]
    return Outcome(given.metric, points, {given.metric: fit}, {}, data, [note])


def ending(result: tuple[RunRecord, bool]) -> list[str]:
    """Return what the user should know when the command returns."""
    folder = result[0].folder
    return [f"tables: {folder / 'points.csv'}, {folder / 'samplesize.json'}", f"report: {folder / 'report.html'}"]


def _written(parts: SampleSizeParts, outcome: Outcome) -> tuple[RunRecord, dict[str, Path]]:
    """Write tables and figures; return the record, and the files that go with it."""
    settings, fit = parts.settings, outcome.fit
    far = fit.extrapolates
    required = answers.required_of(outcome.fits, settings.target)
    naive = answers.naive(fit, settings.target) if far else {}
    ahead = answers.forecasts(fit, answers.table_sizes(fit, settings.at), settings.target) if far else []
    sizes = answers.figure_sizes(fit, required[outcome.metric][0], settings.at) if far else []
    drawn = answers.forecasts(fit, sizes, settings.target) if far else []
    wanted = settings.target if settings.class_target is None else settings.class_target
    needs = class_needs(outcome.by_class, wanted) if outcome.by_class else ()
    beside = rows_of_cleaned(outcome.clean) if outcome.clean else []
    whole = {
        "points": tables.results(outcome.points, () if outcome.clean is None else outcome.clean.points),
        "recalls": tables.recalls(outcome.points),
        "required": tables.required(required, settings.target, outcome.metric, naive),
        "forecast": tables.curve(ahead),
        "curve": tables.curve(drawn),
        "classes": tables.classes(needs, outcome.by_class),
        "cleaned": beside,
    }
    whole = {name: rows for name, rows in whole.items() if rows}
    messages = _messages(settings, outcome)
    binding = _binding(needs, outcome.by_class, wanted) if needs else ""
    buy = answers.purchase_of(fit, settings)
    numbers = {**tables.numbers(required, ahead, buy, outcome.points), **of_cleaned(beside, fit.seen.last)}
    record = _record(parts, outcome, messages, numbers, tuple(whole))
    document = {
        "answer": messages[0], "next": messages[1], "target": settings.target, "metric": outcome.metric, "binding_class": binding,
        "cleaned_against_raw": messages[2] if outcome.clean else "",
        "warnings": list(outcome.warnings), "caveats": list(outcome.notes),
        "held_constant": outcome.training.held if outcome.training else "",
        "next_purchase": None if buy is None else {"more": buy.more, "chance": buy.chance, "for_sharpness": buy.for_sharpness},
        **whole,
    }  # fmt: skip
    files = _tables(parts.folder, whole, document)
    page = SampleSizePage(
        run=record,
        messages=(*messages, *([binding] if binding else [])),
        target=settings.target,
        unit=settings.unit,
        share=fit.scale.worst == 1.0,
        warnings=outcome.warnings,
        caveats=tuple(outcome.notes),
        tables=whole,
    )
    for path in write_samplesize_page(page, versions()):
        files[path.name] = path
    return record, files


def _messages(settings: SampleSizeConfig, outcome: Outcome) -> list[str]:
    """Return the answer, the next purchase, what cleaning brings, what was asked for, what is held constant."""
    fit, metric = outcome.fit, outcome.metric.replace("_", " ")
    messages = answers.sentences(fit, settings, metric)
    if outcome.clean:
        messages.append(sentence(outcome.clean, settings, metric))
    if fit.extrapolates:
        messages.append(answers.expected(fit, settings.at, metric, settings.unit))
        messages.append(outcome.training.brief if outcome.training else "")
    return [each for each in messages if each]


def _binding(needs: tuple[ClassNeed, ...], fits: Mapping[str, CurveFit], target: float) -> str:
    """Return which class binds, and whether its curve is to be trusted."""
    message = binding_class(needs)
    doubt = " Its curve is doubtful (see classes.csv)." if needs[0].factor > 1 and fits[needs[0].name].warnings else ""
    return f"For {100 * target:.4g} % recall in every class, {message[:1].lower()}{message[1:]}{doubt}"


def _tables(folder: Path, whole: Mapping[str, tables.Rows], document: Mapping[str, Any]) -> dict[str, Path]:
    """Write each table as CSV and as the JSON that MLflow shows, and all of it as one document."""
    texts = {"samplesize.json": json.dumps(tables.plain(document), ensure_ascii=False, indent=1)}
    for name, rows in whole.items():
        texts[f"{name}.csv"] = as_csv(rows)
        texts[f"{name}.json"] = json.dumps(tables.split_form(rows), ensure_ascii=False)
    for name, text in texts.items():
        write_text(folder / name, text)
    return {name: folder / name for name in texts}


def _record(
    parts: SampleSizeParts,
    outcome: Outcome,
    messages: Sequence[str],
    results: Mapping[str, float],
    named: Sequence[str],
) -> RunRecord:
    """Return the experiment as reports and trackers are given it."""
    return RunRecord(
        name=parts.run,
        strategy=parts.method,
        folder=parts.folder,
        config=parts.config,
        command=parts.command,
        metric=outcome.metric,
        data=outcome.data,
        rounds=(),
        status="stopped",
        stop_reason=f"{len(outcome.points)} trainings fitted",
        job="samplesize",
        results=results,
        tables=tuple(f"{name}.json" for name in named),
        note=" ".join(messages),
        trials=(*_trials(outcome.points), *(_trials(outcome.clean.points, "cleaned") if outcome.clean else ())),
    )


def _trials(points: Sequence[Point], labels: str = "") -> tuple[TrialRecord, ...]:
    extra = {"labels": labels} if labels else {}
    return tuple(
        TrialRecord(
            f"{labels} size {each.size:g}, repeat {each.repeat}".strip(),
            {"size": f"{each.size:g}", "repeat": each.repeat, **extra},
            tables.trial_numbers(each),
        )
        for each in points
    )

"""From a resolved configuration to the parts of a loop, and the name of its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from poolwise.core.interfaces import Annotator, Display, ImageSource, QueryStrategy, StoppingRule, Tracker
from poolwise.core.parts import build_part, construct
from poolwise.core.types import RunRecord
from poolwise.jobs.loop.auditor import loop_auditor
from poolwise.jobs.loop.parts import Parts, Settings
from poolwise.jobs.loop.settings import LoopConfig
from poolwise.jobs.run_folder import check_name, name_of, with_votes
from poolwise.jobs.trainings.build import learner_and_pictures, settled
from poolwise.query.candidates import Candidates
from poolwise.query.random import Random
from poolwise.report import words

CONTROL = "control"


def run_name(choices: Mapping[str, str], overrides: Sequence[str], seed: int, *, sweep: bool = False) -> str:
    """Return the name of a run: data set, strategy, seed, and whatever else was set that shapes the result.

    The same command gives the same name, so that it resumes; another seed or another option gives another. A larger budget
    goes on with the same run, but in a sweep over budgets each has its own.

    >>> run_name({"data": "digits", "query": "margin"}, ["query=margin", "budget=40", "model.epochs=5"], 1)
    'digits-margin-seed1-model.epochs=5'
    """
    return name_of("query", choices, overrides, seed, sweep=sweep)


def loop_parts(
    config: Mapping[str, Any], *, name: str, method: str, command: str, display: Display, folder: Path | None = None
) -> list[Parts]:
    """Return the arms of a loop: the run itself and, in a simulation, its random control.

    Args:
        config: the whole resolved configuration.
        name: of the run.
        method: name of the query strategy as the user chose it.
        command: what repeats the run.
        display: shows progress.
        folder: of the run, if it is not where the configuration says.

    Raises:
        ConfigError: names the setting.
    """
    check_name(name, CONTROL)
    settings = construct(LoopConfig, dict(config))
    built = _built(settings)
    main = Parts(
        run=name,
        folder=folder or Path(settings.runs) / name,
        settings=_settings(settings),
        config={**config, "model": built.pop("model")},
        strategy_name=method,
        display=display,
        command=command,
        round_figures=_round_figures,
        **built,
    )
    main = replace(main, annotator=with_votes(main.annotator, config, main.folder, name))
    if not (settings.control and main.annotator.simulated) or method == "random":
        return [main]
    return [main, _control_of(main)]


def _settings(settings: LoopConfig) -> Settings:
    """Return the loop's own settings, which are called alike in the configuration."""
    return Settings(**{field.name: getattr(settings, field.name) for field in fields(Settings)})


def _built(settings: LoopConfig) -> dict[str, Any]:
    """Return the parts behind their doors, and the settings of the learner that was chosen as `model`."""
    trusted = settings.trusted
    annotator = build_part(settings.annotation, where="annotation", trusted=trusted, kind=Annotator)
    images = _images(settings, annotator)
    if annotator.simulated:
        annotator = annotator.knowing(images)
    node, why = settled(settings.model, images, "model", trusted)
    learner, images = learner_and_pictures(node, images, trusted, Path(settings.cache))
    return {
        "model": node,
        "chosen": why,
        "images": images,
        "learner": learner,
        "strategy": build_part(settings.query, where="query", trusted=trusted, kind=QueryStrategy),
        "annotator": annotator,
        "rules": tuple(build_part(settings.stopping, where="stopping", trusted=trusted, kind=StoppingRule).values()),
        "tracker": build_part(settings.tracking, where="tracking", trusted=trusted, kind=Tracker),
        "candidates": _candidates(settings),
        "auditor": loop_auditor(settings) if settings.audit_every else None,
    }


def _control_of(main: Parts) -> Parts:
    """Return the same run with samples drawn at random, in a folder below it."""
    return replace(
        main,
        run=f"{main.run}/{CONTROL}",
        folder=main.folder / CONTROL,
        strategy=Random(),
        strategy_name="random",
        candidates=Candidates(),
        is_control=True,
        auditor=None,
        settings=replace(main.settings, audit_every=0),
    )


def _images(settings: LoopConfig, annotator: Any) -> Any:
    """Return the pictures; in a simulation the labels of the pool are hidden, whatever the data say."""
    images = build_part(settings.data, where="data", trusted=settings.trusted, kind=ImageSource)
    return replace(images, hide_labels=True) if annotator.simulated else images


def _candidates(settings: LoopConfig) -> Candidates:
    """Return all of them, unless the configuration leaves some out."""
    if not settings.candidates:
        return Candidates()
    part: Candidates = build_part(settings.candidates, where="candidates", trusted=settings.trusted, kind=Candidates)
    return part


def _round_figures(run: Any) -> Any:
    from poolwise.report.figures import round_figures

    return round_figures(run)


def ending(records: list[RunRecord]) -> list[str]:
    """Return what the user should know when the command returns."""
    main = records[0]
    lines = []
    for record in records:
        scores = [round_.metrics[record.metric] for round_ in record.rounds if record.metric in round_.metrics]
        labelled = record.rounds[-1].labelled if record.rounds else 0
        score = f", {record.metric} {scores[-1]:.4f}" if scores else ""
        lines.append(
            f"{record.name}: {record.status}, {labelled} labels{score}"
            + (f" ({record.stop_reason})" if record.stop_reason else "")
        )
    if main.rounds and main.rounds[-1].outlook:
        lines.append(f"next batch, by the curve so far: {words.ahead(main.rounds[-1], main.metric)}")
    if main.message:
        lines.append(main.message)
    lines.append(f"report: {main.folder / 'report.html'}")
    return lines

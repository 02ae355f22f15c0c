"""From a resolved configuration to the parts of a loop, and the name of its run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import Annotator, Display, ImageSource, Learner, QueryStrategy, StoppingRule, Tracker
from poolwise.core.parts import build_part, construct
from poolwise.core.types import RunRecord
from poolwise.core.voting import Vote
from poolwise.jobs.loop.parts import Parts, Settings
from poolwise.jobs.loop.resume import is_unnamed
from poolwise.jobs.loop.settings import LoopConfig
from poolwise.ledger.store import Ledger
from poolwise.ledger.votes import Votes
from poolwise.query.candidates import Candidates
from poolwise.query.random import Random
from poolwise.report import words

if TYPE_CHECKING:
    from poolwise.jobs.audit.in_loop import LoopAuditor

CONTROL = "control"

LONGEST = 40
"""Characters of further settings in a run's name; more become eight of their hash."""


def run_name(choices: Mapping[str, str], overrides: Sequence[str], seed: int, *, sweep: bool = False) -> str:
    """The name of a run: data set, strategy, seed, and whatever else was set that shapes the result.

    The same command gives the same name, so that it resumes; another seed or another option gives another. A larger budget
    goes on with the same run, but in a sweep over budgets each has its own.

    >>> run_name({"data": "digits", "query": "margin"}, ["query=margin", "budget=40", "model.epochs=5"], 1)
    'digits-margin-seed1-model.epochs=5'
    """
    return name_of("query", choices, overrides, seed, sweep=sweep)


def name_of(
    group: str, choices: Mapping[str, str], overrides: Sequence[str], seed: int | None, *, sweep: bool = False
) -> str:
    """A run's name by the group of parts that its job is about; see `run_name`. Without a seed for a job of several."""
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
    """Raises ConfigError: no name for a folder, or a reserved one."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=,+-]{0,150}", name) or name in reserved:
        raise ConfigError(f"run_name is {name!r}; it takes letters, digits and . _ = , + - (it names a folder).")


def loop_parts(
    config: Mapping[str, Any], *, name: str, method: str, command: str, display: Display, folder: Path | None = None
) -> list[Parts]:
    """The arms of a loop: the run itself and, in a simulation, its random control.

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
    main = Parts(
        run=name,
        folder=folder or Path(settings.runs) / name,
        settings=_settings(settings),
        config=dict(config),
        strategy_name=method,
        display=display,
        command=command,
        round_figures=_round_figures,
        **_built(settings),
    )
    main = replace(main, annotator=with_votes(main.annotator, config, main.folder, name))
    if not (settings.control and main.annotator.simulated) or method == "random":
        return [main]
    return [main, _control_of(main)]


def _settings(settings: LoopConfig) -> Settings:
    """The loop's own settings, which are called alike in the configuration."""
    return Settings(**{field.name: getattr(settings, field.name) for field in fields(Settings)})


def _built(settings: LoopConfig) -> dict[str, Any]:
    """The parts behind their doors."""
    trusted = settings.trusted
    annotator = build_part(settings.annotation, where="annotation", trusted=trusted, kind=Annotator)
    images = _images(settings, annotator)
    if annotator.simulated:
        annotator = annotator.knowing(images)
    return {
        "images": images,
        "learner": build_part(settings.model, where="model", trusted=trusted, kind=Learner),
        "strategy": build_part(settings.query, where="query", trusted=trusted, kind=QueryStrategy),
        "annotator": annotator,
        "rules": tuple(build_part(settings.stopping, where="stopping", trusted=trusted, kind=StoppingRule).values()),
        "tracker": build_part(settings.tracking, where="tracking", trusted=trusted, kind=Tracker),
        "candidates": _candidates(settings),
        "auditor": _auditor(settings),
    }


def _auditor(settings: LoopConfig) -> LoopAuditor | None:
    """Judges labels within the loop, if that is asked for."""
    from poolwise.jobs.audit.build import loop_auditor

    return loop_auditor(settings) if settings.audit_every else None


def _control_of(main: Parts) -> Parts:
    """The same run with samples drawn at random, in a folder below it."""
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


def ledger_of(config: Mapping[str, Any], folder: Path) -> Ledger:
    """The ledger of a run: in its folder, unless a URL is set."""
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


def _images(settings: LoopConfig, annotator: Any) -> Any:
    """In a simulation the labels of the pool are hidden, whatever the data say."""
    images = build_part(settings.data, where="data", trusted=settings.trusted, kind=ImageSource)
    return replace(images, hide_labels=True) if annotator.simulated else images


def _candidates(settings: LoopConfig) -> Candidates:
    """All of them, unless the configuration leaves some out."""
    if not settings.candidates:
        return Candidates()
    part: Candidates = build_part(settings.candidates, where="candidates", trusted=settings.trusted, kind=Candidates)
    return part


def _round_figures(run: Any) -> Any:
    from poolwise.report.figures import round_figures

    return round_figures(run)


def ending(records: list[RunRecord]) -> list[str]:
    """What the user should know when the command returns."""
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

"""From a resolved configuration to the parts of a comparison, and the name of its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import Display, Tracker
from poolwise.core.parts import build_part, construct
from poolwise.core.types import Need
from poolwise.jobs.audit.build import audit_parts
from poolwise.jobs.compare.parts import CompareParts
from poolwise.jobs.compare.settings import SEEDOO, CompareConfig
from poolwise.jobs.run_folder import check_name, name_of
from poolwise.quality.pruning.pruned import Pruning

SHARED = (
    "data", "model", "trainer", "label_error", "folds", "repeats", "stop_share", "embeddings", "threshold", "jobs", "truth",
    "runs", "cache", "verbose", "trusted",
)  # fmt: skip
"""Settings that an audit has under the same name."""
NOBODY = {
    "annotation": {"_target_": "poolwise.annotation.csv_files.CsvFiles"},
    "tracking": {"_target_": "poolwise.report.tracking.none.NoTracker"},
    "budget": 0,
}
"""An audit that asks nobody and tells nobody."""


def compare_name(
    choices: Mapping[str, str], overrides: Sequence[str], seed: int | None = None, *, sweep: bool = False
) -> str:
    """Return the name of a comparison's run: the same command gives the same name, so that it goes on.

    >>> compare_name({"data": "digits", "pruning": "component"}, ["plant.share=0.1", "jobs=1"])
    'compare-digits-component-plant.share=0.1'
    """
    named = [each for each in overrides if each.split("=")[0].lstrip("+~") not in ("jobs", "cache")]
    return f"compare-{name_of('pruning', choices, named, None)}"


def compare_parts(
    config: Mapping[str, Any], *, name: str, method: str, command: str, display: Display, folder: Path | None = None
) -> CompareParts:
    """Return everything a comparison needs, built.

    Raises:
        ConfigError: names the setting.
    """
    check_name(name)
    settings: CompareConfig = construct(CompareConfig, dict(config))
    planted = asdict(settings.planted)
    planted.pop("test")  # an audit looks at no test set
    shared = {key: config[key] for key in SHARED if key in config}
    shared |= {"seed": settings.seeds[0], "splits": list(settings.train), "plant": planted}
    audit = audit_parts({**shared, **NOBODY}, name=name, method=method, command=command, display=display)
    return CompareParts(
        run=name,
        folder=folder or Path(settings.runs) / name,
        settings=settings,
        config=dict(config),
        method=method,
        audit=audit,
        pruning=_pruning(settings),
        tracker=build_part(settings.tracking, where="tracking", trusted=settings.trusted, kind=Tracker),
        display=display,
        command=command,
    )


def _pruning(settings: CompareConfig) -> Pruning:
    part: Pruning = build_part(settings.pruning, where="pruning", trusted=settings.trusted, kind=Pruning)
    if settings.preset == SEEDOO and Need.PROBS in part.needs:
        raise ConfigError("preset=seedoo cleans by components of near-copies; choose one, e.g. pruning=component.")
    return part

"""What a comparison works with: the parts behind their doors, and its own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.interfaces import Display, Tracker
from poolwise.jobs.audit.parts import AuditParts
from poolwise.jobs.compare.arms import ARMS
from poolwise.quality.pruning.pruned import Pruning

SEEDOO = "seedoo"
"""The four experiments of SeeDoo's post: cleaned and raw training sets on cleaned and raw validation sets."""


@dataclass(frozen=True)
class CompareSettings:
    """The comparison's own settings; conf/compare.yaml says what each means."""

    arms: tuple[str, ...] = tuple(ARMS)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    review: int | None = None
    test: str = "test"
    drop_leaks: bool = True
    plant_share: float = 0.0
    plant_shape: str = "uniform"
    plant_test: bool = True
    truth: str = "truth"
    preset: str | None = None


@dataclass(frozen=True)
class CompareParts:
    """Everything a comparison needs, built.

    Attributes:
        run: its name.
        folder: where its files go.
        config: the whole resolved configuration.
        method: name of the pruning strategy.
        audit: pictures, learner, near-copies and detector, as an audit has them; its seed is set for each seed.
        pruning: what to leave out.
    """

    run: str
    folder: Path
    settings: CompareSettings
    config: Mapping[str, Any]
    method: str
    audit: AuditParts
    pruning: Pruning
    tracker: Tracker
    display: Display
    command: str = "poolwise compare"

"""What a comparison works with: the parts behind their doors, and its own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.interfaces import Display, Tracker
from poolwise.jobs.audit.parts import AuditParts
from poolwise.jobs.compare.settings import CompareConfig
from poolwise.quality.pruning.pruned import Pruning


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
    settings: CompareConfig
    config: Mapping[str, Any]
    method: str
    audit: AuditParts
    pruning: Pruning
    tracker: Tracker
    display: Display
    command: str = "poolwise compare"

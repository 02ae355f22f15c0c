"""What a sample-size experiment works with: the parts behind their doors, and its own settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.interfaces import Display, ImageSource, Tracker
from poolwise.core.types import Labels
from poolwise.jobs.samplesize.measured import Imported
from poolwise.jobs.samplesize.settings import SampleSizeConfig
from poolwise.jobs.trainings.fits import Fit
from poolwise.metric.curve.posterior import Prior


@dataclass(frozen=True)
class Training:
    """How every size is trained.

    Attributes:
        config: settings of pictures and learner, all that a worker needs.
        held: a sentence on what is held constant from size to size, and on what follows.
        brief: the same for the answer; "" where there is nothing to say.
        warnings: what is doubtful about it.
    """

    config: Mapping[str, Any]
    held: str
    brief: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SampleSizeParts:
    """Everything an experiment needs, built.

    Attributes:
        run: its name.
        folder: where its files go.
        cache: where finished trainings are kept for other experiments.
        config: the whole resolved configuration.
        prior: families of curves, and what is held likely of them.
        images: pictures with their labels; None where numbers were brought.
        learner: smallest and largest size -> how every size is trained.
        work: trains one model; goes to other processes.
        clean: (N,) or (N, C) labels after cleaning, -1 where there is none; None where raw ones are not to be compared.
        imported: scores measured elsewhere, instead of trainings.
    """

    run: str
    folder: Path
    cache: Path
    settings: SampleSizeConfig
    config: Mapping[str, Any]
    method: str
    prior: Prior
    tracker: Tracker
    display: Display
    images: ImageSource | None = None
    learner: Callable[[int, int], Training] | None = None
    work: Callable[[Fit], None] | None = None
    clean: Labels | None = None
    imported: Imported | None = None
    command: str = "poolwise samplesize"

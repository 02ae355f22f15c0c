"""What an audit works with: the parts behind their doors, and its own settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from poolwise.core.interfaces import Annotator, Display, ImageSource, Tracker
from poolwise.core.types import Floats, Ids, LabelledSet, Labels
from poolwise.jobs.audit.copies import Copies
from poolwise.jobs.audit.settings import AuditConfig
from poolwise.jobs.trainings.fits import Fit
from poolwise.quality.label_error.label_errors import LabelErrors


class Finder(Protocol):
    """Finds label errors; see `poolwise.find_label_errors`."""

    def __call__(
        self,
        labels: Labels,
        probs: Floats,
        embeddings: Floats | None,
        groups: NDArray[np.int64],
        margins: NDArray[np.float64] | None = None,
    ) -> LabelErrors:
        """Return the label errors; rows are those of the arrays."""


@dataclass(frozen=True)
class AuditParts:
    """Everything an audit needs, built.

    Attributes:
        run: its name.
        folder: where its files go.
        cache: where finished fits and embeddings are kept for other audits.
        config: the whole resolved configuration, as JSON.
        method: name of the detector.
        members: name -> settings of pictures and learner; each is trained for each fold.
        work: trains one model; goes to other processes.
        embed: embeddings (n, D) of samples, or None where nothing makes them.
        duplicates: near-copies among samples, from their embeddings.
        find: the detector.
        margins: (n,) areas under the margin of samples, for a detector that looks at how labels are learnt; else None.
        imported: (n, C) probabilities of the user's own for samples, instead of training.
        findings: further tables from (labels, probs, embeddings, groups): name -> columns.
    """

    run: str
    folder: Path
    cache: Path
    settings: AuditConfig
    config: Mapping[str, Any]
    method: str
    images: ImageSource
    members: Mapping[str, Mapping[str, Any]]
    work: Callable[[Fit], None]
    embed: Callable[[Ids], Floats | None]
    duplicates: Callable[[Ids, Floats | None], Copies]
    find: Finder
    annotator: Annotator
    tracker: Tracker
    display: Display
    margins: Callable[[LabelledSet], NDArray[np.float64]] | None = None
    imported: Callable[[Ids], Floats] | None = None
    findings: (
        Callable[[Labels, Floats, Floats | None, NDArray[np.int64]], Mapping[str, Mapping[str, list[Any]]]] | None
    ) = None
    command: str = "poolwise audit"
    is_control: bool = False

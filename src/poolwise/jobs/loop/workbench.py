"""What the steps of a round share: the facts they give, and the models they keep at hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from poolwise.core.interfaces import FittedModel
from poolwise.core.types import Annotation
from poolwise.jobs.loop.parts import Parts
from poolwise.ledger.blobs import Blobs
from poolwise.ledger.events import Kind


@dataclass(frozen=True)
class Fact:
    """An event to append, with the annotations it brings."""

    kind: Kind
    round: int
    body: dict[str, Any]
    annotations: tuple[Annotation, ...] = ()


@dataclass
class Workbench:
    """What a process keeps at hand between steps; all of it can be had again from the run folder."""

    blobs: Blobs
    models: dict[str, FittedModel] = field(default_factory=dict)

    def model(self, reference: str, parts: Parts) -> FittedModel:
        """The model of a checkpoint, from memory or disk."""
        if reference not in self.models:
            self.models.clear()
            self.models[reference] = parts.learner.load(self.blobs.path(reference), parts.images)
        return self.models[reference]

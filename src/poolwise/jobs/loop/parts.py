"""What a loop works with: the parts behind their doors, and the few settings that are the loop's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from poolwise.core.interfaces import (
    Annotator,
    Display,
    FittedModel,
    ImageSource,
    Learner,
    QueryStrategy,
    StoppingRule,
    Tracker,
)
from poolwise.core.types import Ask, Need, RoundRecord, RunRecord
from poolwise.ledger.blobs import Blobs
from poolwise.ledger.events import LabelsAudited
from poolwise.ledger.state import RunState
from poolwise.query.candidates import Candidates


@dataclass(frozen=True)
class Settings:
    """The loop's own settings.

    Attributes:
        seed: of everything random in the run.
        seed_size: labels of round 0, drawn at random from the pool.
        query_size: labels a round.
        test_size: samples of round 0 that become the held-out test set, for data that have none.
        start: "random" draws round 0, "strategy" has it chosen from embeddings that need no label; "auto" by coverage, where
            the learner has such embeddings.
        stop_set: samples on which stopping rules compare predictions between rounds.
        compare_batches: whether each batch is compared with random draws.
        audit_every: rounds from one audit of the labels to the next; 0 for none.
    """

    seed: int
    seed_size: int
    query_size: int
    test_size: int = 0
    start: str = "auto"
    stop_set: int = 1000
    compare_batches: bool = True
    audit_every: int = 0


class Auditor(Protocol):
    """Judges the labels gathered so far; see `jobs/loop/auditor.py`."""

    def audit(self, parts: Parts, state: RunState, blobs: Blobs) -> LabelsAudited:
        """Judge the labels; tables are written below the run's folder."""

    def reviews(self, parts: Parts, state: RunState, blobs: Blobs) -> tuple[Ask, ...]:
        """Return labels to be looked at again with the next batch, as the last audit has doubts about them."""


@dataclass(frozen=True)
class Parts:
    """Everything a run needs, built."""

    run: str
    folder: Path
    settings: Settings
    config: Mapping[str, Any]
    """The whole resolved configuration, as JSON."""
    strategy_name: str
    images: ImageSource
    learner: Learner
    strategy: QueryStrategy
    annotator: Annotator
    rules: tuple[StoppingRule, ...]
    tracker: Tracker
    display: Display
    candidates: Candidates = field(default_factory=Candidates)
    command: str = "poolwise loop"
    is_control: bool = False
    chosen: str = ""
    """Which model was chosen for these pictures, and why; "" where the user chose."""
    auditor: Auditor | None = None
    round_figures: Callable[[RunRecord], Callable[[RoundRecord], Mapping[str, bytes]]] | None = None

    @property
    def wants(self) -> frozenset[str]:
        """Facts of the pool that the stopping rules look at; see `RoundRecord.pool`."""
        return frozenset().union(*(rule.wants for rule in self.rules))

    @property
    def rounds_kept(self) -> int:
        """Rounds whose models are kept: the last one, or as many as the strategy asks."""
        return self.strategy.rounds if Need.ROUNDS in self.strategy.needs else 1


@dataclass
class Workbench:
    """What a process keeps at hand between steps; all of it can be had again from the run folder."""

    blobs: Blobs
    models: dict[str, FittedModel] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    def model(self, reference: str, parts: Parts) -> FittedModel:
        """Return the model of a checkpoint, from memory or disk."""
        if reference not in self.models:
            self.models.clear()
            self.models[reference] = parts.learner.load(self.blobs.path(reference), parts.images)
        return self.models[reference]

    def array(self, reference: str) -> NDArray[Any]:
        """Return a small array of a round, which is read from the disk once."""
        if reference not in self.arrays:
            self.arrays[reference] = self.blobs.array(reference)
        return self.arrays[reference]

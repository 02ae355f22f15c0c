"""What a loop works with: the parts behind their doors, and the few settings that are the loop's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from poolwise.protocols import Annotator, ImageSource, Learner, QueryStrategy, StoppingRule, Tracker
from poolwise.types import RoundRecord, RunRecord


@runtime_checkable
class LimitsBatch(Protocol):
    """A stopping rule that also says how many labels may still be asked for."""

    def allowance(self, rounds: tuple[RoundRecord, ...]) -> int:
        """Labels left."""


class Display(Protocol):
    """Shows a person how it goes."""

    def say(self, line: str) -> None:
        """A line that should be read."""

    def warn(self, line: str) -> None:
        """A line that should worry."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Long work moves on; see `protocols.Progress`."""

    def round_done(self, run: RunRecord, budget: int | None) -> None:
        """A round was measured."""


@dataclass(frozen=True)
class Settings:
    """The loop's own settings.

    Attributes:
        seed: of everything random in the run.
        seed_size: labels of round 0, drawn at random from the pool.
        query_size: labels a round.
        test_size: samples of round 0 that become the held-out test set, for data that have none.
    """

    seed: int
    seed_size: int
    query_size: int
    test_size: int = 0


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
    command: str = "poolwise loop"
    is_control: bool = False
    round_figures: Callable[[RunRecord], Callable[[RoundRecord], Mapping[str, bytes]]] | None = None

"""The annotator of the page: what people said there, as answers to the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from poolwise.annotation.web.speed import figures
from poolwise.annotation.web.vote_aggregation import aggregate, taken_back
from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import Annotator, ImageSource
from poolwise.core.types import Answer, Batch
from poolwise.core.voting import Vote


@dataclass(frozen=True)
class Page(Annotator):
    """Parks the run with the command that opens the page, and takes what was said there.

    Attributes:
        partial: "wait" until every picture is answered, or "train" with the answers there are.
        redundancy: people who answer each picture; their votes become one label by consensus.
        train: when a batch is full, the page's server has the loop go on, and shows the next batch.
        hold_minutes: after which a picture that somebody took and did not answer goes to somebody else.
        votes: reads the votes of the run; set by `reading`, never from a configuration.
    """

    partial: str = "wait"
    redundancy: int = 1
    train: bool = False
    hold_minutes: float = 5.0
    votes: Any = None

    simulated: ClassVar[bool] = False
    source: ClassVar[str] = "page"

    def __post_init__(self) -> None:
        if self.partial not in ("wait", "train"):
            raise ConfigError(f"annotation.partial is {self.partial!r}; it is wait or train.")
        if not 1 <= self.redundancy <= 100:
            raise ConfigError(f"annotation.redundancy is {self.redundancy}; it is a number of people, 1 to 100.")
        if not 0 < self.hold_minutes <= 1440:
            raise ConfigError(f"annotation.hold_minutes is {self.hold_minutes}; it is above 0, a day (1440) at most.")

    def reading(self, votes: Callable[[], Sequence[Vote]]) -> Page:
        """This annotator with the run's votes."""
        return replace(self, votes=votes)

    def page_settings(self) -> Mapping[str, Any]:
        """Return how the page is served, unless its command says otherwise."""
        return {"train": self.train, "redundancy": self.redundancy, "hold_minutes": self.hold_minutes}

    def emit(self, batch: Batch, images: ImageSource) -> str:
        """Nothing to write: the page shows what the ledger holds."""
        return f"open the page with: poolwise annotate {batch.folder}"

    def collect(self, batch: Batch) -> Sequence[Answer]:
        """All that was said of this batch, and corrections of earlier ones. Of several votes a picture, none before all are in.

        A consensus may change with every further vote, so with `redundancy` it is asked for once.
        """
        found = aggregate(self._read(), batch, self.redundancy)
        if self.redundancy > 1 and self.partial == "wait" and set(batch.ids()) - {row.sample_id for row in found}:
            return []
        return found

    def taken_back(self, batch: Batch) -> set[int]:
        """Samples of which an answer was taken back, perhaps after the loop had it: they are to be answered again."""
        return taken_back(self._read(), batch.round, self.redundancy)

    def facts(self, batch: Batch) -> Mapping[str, float]:
        """How fast a batch was labelled, and how often people said what the model suggested; for the tracker."""
        return figures([vote for vote in self._read() if vote.round == batch.round])

    def _read(self) -> Sequence[Vote]:
        found: Sequence[Vote] = self.votes() if self.votes is not None else ()
        return found

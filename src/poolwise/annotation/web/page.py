"""The annotator of the page: the votes of people, as answers to the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from annotated_types import Interval

from poolwise.annotation.web.speed import figures
from poolwise.annotation.web.vote_aggregation import aggregate, has_news, taken_back
from poolwise.core.interfaces import Annotator, ImageSource
from poolwise.core.ranges import Checked, OneOf
from poolwise.core.types import Answer, Batch
from poolwise.core.voting import Vote


@dataclass(frozen=True)
class Page(Checked, Annotator):
    """Parks the run with the command that opens the page, and collects what people answer there.

    Attributes:
        partial: "wait" until every picture is answered, or "train" with the answers there are.
        redundancy: people who answer each picture; their votes become one label by consensus.
        train: when a batch is full, the page's server has the loop go on, and shows the next batch.
        hold_minutes: after which a picture that somebody took and did not answer goes to somebody else.
        votes: reads the votes of the run; set by `reading`, never from a configuration.
    """

    partial: Annotated[str, OneOf("wait", "train")] = "wait"
    redundancy: Annotated[int, Interval(ge=1, le=100)] = 1
    train: bool = False
    hold_minutes: Annotated[float, Interval(gt=0, le=1440)] = 5.0
    votes: Any = None

    simulated: ClassVar[bool] = False
    source: ClassVar[str] = "page"

    def reading(self, votes: Callable[[], Sequence[Vote]]) -> Page:
        """Return this annotator with the run's votes."""
        return replace(self, votes=votes)

    def page_settings(self) -> Mapping[str, Any]:
        """Return how the page is served, unless its command says otherwise."""
        return {"train": self.train, "redundancy": self.redundancy, "hold_minutes": self.hold_minutes}

    def emit(self, batch: Batch, images: ImageSource) -> str:
        """Return the command that opens the page, which shows what the ledger holds."""
        return f"open the page with: poolwise annotate {batch.folder}"

    def collect(self, batch: Batch) -> Sequence[Answer]:
        """Return the answers to this batch and late corrections of earlier ones; none if the ledger has the latest.

        A consensus may change with every further vote, so with `redundancy` there is none before all votes are in.
        """
        votes = self._read()
        if not has_news(votes, batch.answered):
            return []
        answers = aggregate(votes, batch, self.redundancy)
        if self.redundancy > 1 and self.partial == "wait" and set(batch.ids()) - {row.sample_id for row in answers}:
            return []
        return answers

    def taken_back(self, batch: Batch) -> set[int]:
        """Return samples of which an answer was taken back, perhaps after the loop had it: they are to be answered again."""
        return taken_back(self._read(), batch.round, self.redundancy)

    def facts(self, batch: Batch) -> Mapping[str, float]:
        """Return how fast a batch was labelled and how often people agreed with the model; for the tracker."""
        return figures([vote for vote in self._read() if vote.round == batch.round])

    def _read(self) -> Sequence[Vote]:
        votes: Sequence[Vote] = self.votes() if self.votes is not None else ()
        return votes

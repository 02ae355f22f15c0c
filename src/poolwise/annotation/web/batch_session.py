"""One batch on the session: what people send is checked, written to the ledger, and only then believed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Protocol

from poolwise.annotation.web.queue import Queue
from poolwise.annotation.web.speed import Speed, speeds
from poolwise.core.errors import AnnotationError, ConflictingAnswers, UnknownLabel, UnknownSample, listed
from poolwise.core.types import Ask, Label, Task
from poolwise.core.voting import Claim, Said, Vote

MOST_SECONDS = 86_400.0


class VoteStore(Protocol):
    """Where votes and claims of a run are kept; see `ledger/votes.py`."""

    def all(self) -> list[Vote]:
        """Every vote, oldest first."""

    def claims(self, round: int) -> list[Claim]:
        """Who holds what of a round."""

    def save(self, votes: Sequence[Vote], claimed: Sequence[Claim] = (), dropped: Sequence[Claim] = ()) -> None:
        """Write all of it or nothing; on the disk, where whoever reads the run looks, when this returns.

        Given nothing, raises if what was saved before is no longer there.
        """


@dataclass(frozen=True)
class Work:
    """A batch as the page shows it. Asks whose details say `review` are labels to look at again."""

    round: int
    asks: tuple[Ask, ...]
    classes: tuple[str, ...]
    task: Task
    by_id: dict[int, Ask] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {ask.sample_id: ask for ask in self.asks})


@dataclass(frozen=True)
class Submission:
    """One answer as a browser sends it."""

    key: str
    sample_id: int
    said: Said
    labels: tuple[str, ...] = ()
    note: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Counts:
    """How far a batch is, and what one person did."""

    done: int
    total: int
    mine: int


class BatchSession:
    """One batch, shared by all threads of the server.

    Args:
        work: the batch.
        store: where votes go.
        redundancy: people who speak of each sample.
        hold: seconds for which a sample stays with a tab.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        work: Work,
        store: VoteStore,
        *,
        redundancy: int = 1,
        hold: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.work = work
        self._store, self._clock = store, clock
        self._options = (redundancy, hold)
        self._lock = threading.Lock()
        self._grid_order: dict[int, None] | None = None
        self._load()

    def _load(self) -> None:
        """Memory as the ledger has it. Raises LedgerError: it cannot be read; whoever comes next tries again."""
        self._stale = True
        votes = [vote for vote in self._store.all() if vote.round == self.work.round]
        queue = Queue([ask.sample_id for ask in self.work.asks], *self._options)
        queue.restore(votes, self._store.claims(self.work.round))
        self._queue, self._votes = queue, votes
        self._sent = {(vote.person, vote.key): vote for vote in votes}
        self._stale = False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread at a time, on memory that is as the ledger."""
        with self._lock:
            if self._stale:
                self._load()
            yield

    def take(self, person: str, tab: str, count: int, *, grid: bool = False) -> list[Ask]:
        """What a tab is to show, `count` at most; the first is the one to answer now."""
        with self._alone():
            ids, claims = self._take(person, tab, count, grid)
            self._save([], claims)
            return [self.work.by_id[at] for at in ids]

    def answer(
        self,
        person: str,
        tab: str,
        sent: Sequence[Submission],
        count: int,
        *,
        aside: Sequence[int] = (),
        grid: bool = False,
    ) -> list[Ask]:
        """Write answers down, give the samples `aside` back for later; then what the tab is to show next.

        Raises:
            UnknownSample, UnknownLabel, ConflictingAnswers: nothing was written.
        """
        for sample_id in aside:
            self._check_asked(sample_id)
        with self._alone():
            fresh = [vote for each in {each.key: each for each in sent}.values() if (vote := self._vote(person, each))]
            over = [self._queue.add(vote) for vote in fresh] + [self._queue.skip(at, person) for at in aside]
            ids, claims = self._take(person, tab, count, grid)
            self._save(fresh, claims, [claim for claim in over if claim is not None])
            return [self.work.by_id[at] for at in ids]

    def undo(self, person: str, tab: str, key: str) -> Vote | None:
        """Take back what a person said last, and hand the sample to this tab again; None if there is nothing to take back."""
        with self._alone():
            before, at = self._sent.get((person, key)), self._queue.last_of(person)
            if before is not None or at is None:
                self._save([], [])
                return before
            old = self._queue.said[at][person]
            vote = replace(old, key=key, said=Said.UNDO, seconds=None, at=self._now())
            self._queue.add(vote)
            claim = self._queue.hand(at, person, tab, self._clock(), self.work.round)
            self._save([vote], [claim])
            return vote

    def counts(self, person: str) -> Counts:
        """How far the batch is."""
        with self._alone():
            return Counts(self._queue.done, len(self._queue.ids), self._queue.votes_of(person))

    def votes_by_sample(self) -> dict[int, dict[str, Vote]]:
        """Sample -> person -> the vote that stands."""
        with self._alone():
            return {at: dict(votes) for at, votes in self._queue.said.items()}

    def speeds(self) -> list[Speed]:
        """Figures of each person."""
        with self._alone():
            votes = list(self._votes)
        return speeds(votes)  # long work for a large batch: answers need not wait for it

    @property
    def full(self) -> bool:
        """Whether enough people have spoken of every sample."""
        with self._alone():
            return self._queue.done == len(self._queue.ids)

    @property
    def last_at(self) -> str:
        """When the last vote came; "" before the first."""
        with self._alone():
            return self._votes[-1].at if self._votes else ""

    def _take(self, person: str, tab: str, count: int, grid: bool) -> tuple[list[int], list[Claim]]:
        order = self._sorted_for_grid() if grid else None
        ids, claims = self._queue.take(person, tab, count, self._clock(), self.work.round, order)
        if order is not None:  # what the tab held before takes its place among the rest
            mine = set(ids)
            ids = [at for at in order if at in mine]
        return ids, claims

    def _sorted_for_grid(self) -> dict[int, None]:
        if self._grid_order is None:
            self._grid_order = dict.fromkeys(ask.sample_id for ask in grid_order(self.work.asks))
        return self._grid_order

    def _save(self, votes: Sequence[Vote], claims: Sequence[Claim], dropped: Sequence[Claim] = ()) -> None:
        """Write; with nothing to write, make sure of what was written: to say it again is to acknowledge it again."""
        try:
            self._store.save(votes, claims, dropped)
        except BaseException:
            self._stale = True  # what is in memory may not be in the ledger
            raise
        self._sent.update({(vote.person, vote.key): vote for vote in votes})
        self._votes.extend(votes)

    def _vote(self, person: str, sent: Submission) -> Vote | None:
        """The vote that was sent; None if it is there already."""
        self._check_asked(sent.sample_id)
        before = self._sent.get((person, sent.key))
        if before is not None and before.sample_id != sent.sample_id:
            raise ConflictingAnswers(
                f"the key {sent.key!r} was sent with sample {before.sample_id} before; an answer has a key of its own."
            )
        if before is not None:
            return None
        label = self._label(sent) if sent.said is Said.LABEL else None
        seconds = None if sent.seconds is None else min(max(sent.seconds, 0.0), MOST_SECONDS)
        return Vote(
            sent.key, self.work.round, sent.sample_id, person, sent.said, label, sent.note, seconds,
            visible_suggestion(self.work.by_id[sent.sample_id]), self._now(),
        )  # fmt: skip

    def _check_asked(self, sample_id: int) -> None:
        if sample_id not in self.work.by_id:
            raise UnknownSample(f"sample {sample_id} is not in the batch of round {self.work.round}.")

    def _label(self, sent: Submission) -> Label:
        unknown = [name for name in sent.labels if name not in self.work.classes]
        if unknown:
            raise UnknownLabel(f"{listed(unknown)} is no class; the classes are {listed(self.work.classes, 20)}.")
        if self.work.task is Task.MULTILABEL:
            return tuple(name for name in self.work.classes if name in sent.labels)
        if len(sent.labels) != 1:
            raise AnnotationError(
                f"a picture has one class here, {len(sent.labels)} were sent for sample {sent.sample_id}."
            )
        return sent.labels[0]

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), timezone.utc).isoformat(timespec="milliseconds")


def visible_suggestion(ask: Ask) -> Label:
    """What the page shows as the model's suggestion: none where no model spoke."""
    return ask.suggestion if ask.probability is not None else None


def grid_order(asks: Sequence[Ask]) -> list[Ask]:
    """Those with a suggestion, by suggested class, cluster, and how sure the model is."""

    def place(ask: Ask) -> tuple[str, str, float]:
        return str(ask.suggestion), str(ask.details.get("cluster", "")).zfill(9), -(ask.probability or 0.0)

    return sorted((ask for ask in asks if ask.probability is not None and not ask.details.get("review")), key=place)

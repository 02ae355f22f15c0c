"""One batch while people label it: what they send is checked, written to the ledger, and only then believed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Protocol

from poolwise.annotation.web.forms import Submission
from poolwise.annotation.web.queue import Queue
from poolwise.annotation.web.speed import Speed, speeds
from poolwise.core.errors import AnnotationError, ConflictingAnswers, UnknownLabel, UnknownSample, listed
from poolwise.core.types import Ask, Batch, Label, Task
from poolwise.core.voting import Claim, Verdict, Vote

MOST_SECONDS = 86_400.0


class VoteStore(Protocol):
    """Where votes and claims of a run are kept; see `ledger/votes.py`."""

    def all(self) -> list[Vote]:
        """Return every vote, oldest first."""

    def claims(self, round: int) -> list[Claim]:
        """Return who holds what of a round."""

    def save(self, votes: Sequence[Vote], claimed: Sequence[Claim] = (), dropped: Sequence[Claim] = ()) -> None:
        """Write all of it or nothing; it is on the disk, where whoever reads the run looks, when this returns.

        Given nothing, raises if what was saved before is no longer there.
        """


@dataclass(frozen=True)
class Counts:
    """How far a batch is, and what one person did."""

    done: int
    total: int
    mine: int


class BatchSession:
    """One batch, shared by all threads of the server.

    Args:
        batch: its samples. Asks whose details say `review` are labels to look at again.
        store: where votes go.
        redundancy: people who answer each sample.
        hold: seconds for which a sample stays with a tab.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        batch: Batch,
        store: VoteStore,
        *,
        redundancy: int = 1,
        hold: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.batch = batch
        self.asks = {ask.sample_id: ask for ask in batch.asks}
        self._store, self._clock = store, clock
        self._options = (redundancy, hold)
        self._lock = threading.Lock()
        self._grid = dict.fromkeys(ask.sample_id for ask in grid_order(batch.asks))
        self._load()

    def _load(self) -> None:
        """Read memory anew from the ledger. Raises LedgerError: it cannot be read; the next request tries again."""
        self._stale = True
        votes = [vote for vote in self._store.all() if vote.round == self.batch.round]
        queue = Queue(list(self.asks), *self._options)
        queue.restore(votes, self._store.claims(self.batch.round))
        self._queue, self._votes = queue, votes
        self._by_key = {(vote.person, vote.key): vote for vote in votes}
        self._stale = False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one thread at a time work, on memory that agrees with the ledger."""
        with self._lock:
            if self._stale:
                self._load()
            yield

    def take(self, person: str, tab: str, count: int, *, grid: bool = False) -> list[Ask]:
        """Return what a tab is to show, `count` at most; the first is the one to answer now."""
        return self.answer(person, tab, (), count, grid=grid)

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
        """Write answers down, give the samples `aside` back for later; return what the tab is to show next.

        Raises:
            UnknownSample, UnknownLabel, ConflictingAnswers: nothing was written.
        """
        for sample_id in aside:
            self._check_asked(sample_id)
        with self._alone():
            distinct = {each.key: each for each in sent}.values()
            fresh = [vote for each in distinct if (vote := self._vote(person, each)) is not None]
            over = [self._queue.add(vote) for vote in fresh] + [self._queue.skip(each, person) for each in aside]
            ids, claims = self._queue.take(
                person, tab, count, self._clock(), self.batch.round, self._grid if grid else None
            )
            if grid:  # what the tab held before takes its place among the rest
                ids = [sample_id for sample_id in self._grid if sample_id in ids]
            self._save(fresh, claims, [claim for claim in over if claim is not None])
            return [self.asks[sample_id] for sample_id in ids]

    def undo(self, person: str, tab: str, key: str) -> Vote | None:
        """Take a person's last vote back and hand the sample to this tab again; return the UNDO, None if there is no vote."""
        with self._alone():
            before, sample_id = self._by_key.get((person, key)), self._queue.last_of(person)
            if before is not None or sample_id is None:
                self._save([], [])
                return before
            old = self._queue.votes[sample_id][person]
            vote = replace(old, key=key, verdict=Verdict.UNDO, seconds=None, at=self._now())
            self._queue.add(vote)
            claim = self._queue.hand(sample_id, person, tab, self._clock(), self.batch.round)
            self._save([vote], [claim])
            return vote

    def counts(self, person: str) -> Counts:
        """Return how far the batch is."""
        with self._alone():
            return Counts(self._queue.done, len(self._queue.ids), self._queue.votes_of(person))

    def voted(self) -> set[int]:
        """Return the samples that somebody has answered."""
        with self._alone():
            return {sample_id for sample_id, votes in self._queue.votes.items() if votes}

    def speeds(self) -> list[Speed]:
        """Return figures of each person."""
        with self._alone():
            votes = list(self._votes)
        return speeds(votes)  # long work for a large batch: answers need not wait for it

    @property
    def full(self) -> bool:
        """Return whether enough people have answered every sample."""
        with self._alone():
            return self._queue.done == len(self._queue.ids)

    @property
    def last_at(self) -> str:
        """Return when the last vote came; "" before the first."""
        with self._alone():
            return self._votes[-1].at if self._votes else ""

    def _save(self, votes: Sequence[Vote], claims: Sequence[Claim], dropped: Sequence[Claim] = ()) -> None:
        """Write; with nothing to write, make sure of what was written: to say it again is to acknowledge it again."""
        try:
            self._store.save(votes, claims, dropped)
        except BaseException:
            self._stale = True  # what is in memory may not be in the ledger
            raise
        self._by_key.update({(vote.person, vote.key): vote for vote in votes})
        self._votes.extend(votes)

    def _vote(self, person: str, sent: Submission) -> Vote | None:
        """Return the vote that was sent; None if it is there already."""
        self._check_asked(sent.sample_id)
        before = self._by_key.get((person, sent.key))
        if before is not None and before.sample_id != sent.sample_id:
            raise ConflictingAnswers(
                f"the key {sent.key!r} was sent with sample {before.sample_id} before; each answer has its own key."
            )
        if before is not None:
            return None
        label = self._label(sent) if sent.verdict is Verdict.LABEL else None
        seconds = None if sent.seconds is None else min(max(sent.seconds, 0.0), MOST_SECONDS)
        return Vote(
            sent.key, self.batch.round, sent.sample_id, person, sent.verdict, label, sent.note, seconds,
            visible_suggestion(self.asks[sent.sample_id]), self._now(),
        )  # fmt: skip

    def _check_asked(self, sample_id: int) -> None:
        if sample_id not in self.asks:
            raise UnknownSample(f"sample {sample_id} is not in the batch of round {self.batch.round}.")

    def _label(self, sent: Submission) -> Label:
        classes = self.batch.classes
        if unknown := [name for name in sent.labels if name not in classes]:
            raise UnknownLabel(f"{listed(unknown)} is not a class; the classes are {listed(classes, 20)}.")
        if self.batch.task is Task.MULTILABEL:
            return tuple(name for name in classes if name in sent.labels)
        if len(sent.labels) != 1:
            raise AnnotationError(
                f"sample {sent.sample_id} was sent with {len(sent.labels)} classes; each picture has one class here."
            )
        return sent.labels[0]

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), timezone.utc).isoformat(timespec="milliseconds")


def visible_suggestion(ask: Ask) -> Label:
    """Return the suggestion that the page shows: none where no model made one."""
    return ask.suggestion if ask.probability is not None else None


def grid_order(asks: Sequence[Ask]) -> list[Ask]:
    """Return the asks whose suggestion can be confirmed, by suggested class, cluster, and how sure the model is."""

    def place(ask: Ask) -> tuple[str, str, float]:
        return str(ask.suggestion), str(ask.details.get("cluster", "")).zfill(9), -(ask.probability or 0.0)

    return sorted((ask for ask in asks if ask.probability is not None and not ask.details.get("review")), key=place)

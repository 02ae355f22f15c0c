"""The run behind the page: the open batch, earlier ones that late answers belong to, and what the loop does meanwhile."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, Protocol

from poolwise.annotation.web.batch_session import BatchSession, VoteStore, Work
from poolwise.annotation.web.pictures import SIDES, Pictures
from poolwise.core.errors import LedgerMoved, PoolwiseError, RunBusy
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Ask

LOG = logging.getLogger("poolwise")
COPIES = -1
"""Stands for a round where near-copies are spoken of: no batch asked about them."""
MOVED = (
    "The run's folder, or the ledger in it, was removed, moved or replaced while this page was open: nothing is recorded. "
    "Put it back where it was, and what is not saved is sent by itself; or end the server, start poolwise annotate "
    "again, and open the page that it names."
)
"""What people at the page read then: no path, unlike in the terminal."""
GRACE = 3.0
"""Seconds after the last answer of a full batch in which it can still be taken back, before the loop goes on."""


@dataclass(frozen=True)
class View:
    """Where a run stands, as the page tells it.

    Attributes:
        work: the open batch, None while there is none.
        stage: in words, what happens while there is no batch: "training on 120 labels", ...
        since: when that began, seconds since 1970; 0 if nothing is going on.
        expected: seconds it took the last time; 0 if not known.
        over: why the run is over; "" while it is not.
        scores: headline metric after each round.
        next_command: what goes on with the run when the page does not.
    """

    work: Work | None
    stage: str = ""
    since: float = 0.0
    expected: float = 0.0
    over: str = ""
    scores: tuple[tuple[int, float], ...] = ()
    metric: str = ""
    next_command: str = ""


@dataclass(frozen=True)
class CopyGroup:
    """Pictures of one thing, of which one is to be kept: (sample id, path, label or "", split) each."""

    group: int
    members: tuple[tuple[int, str, str, str], ...]


class Run(Protocol):
    """What the page needs of a run; `app/annotate.py` makes it of a ledger and parts."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def images(self) -> ImageSource:
        """Its pictures."""

    @property
    def store(self) -> VoteStore:
        """Where its votes go."""

    @property
    def redundancy(self) -> int:
        """People who speak of each sample."""

    @property
    def hold(self) -> float:
        """Seconds for which a sample stays with a tab."""

    @property
    def train(self) -> bool:
        """Whether the loop goes on when a batch is full."""

    def mark(self) -> Hashable:
        """Changes whenever something has happened; quick."""

    def look(self) -> View:
        """Where the run stands."""

    def work_of(self, round: int) -> Work | None:
        """A round's batch, open or not; None if there is no such round."""

    def copies(self) -> tuple[CopyGroup, ...]:
        """Duplicate groups that an audit found."""

    def full(self) -> None:
        """Enough people have spoken of every sample: take the votes and, if it is to train, go on."""


@dataclass
class Site:
    """What all requests share.

    Attributes:
        run: the run behind the page.
        pictures: its samples as small pictures.
        clock: seconds since 1970.
        tell: shows a line to whoever started the server.
        trouble: what is wrong, in words, as the page shows it; "" while nothing is.
    """

    run: Run
    pictures: Pictures
    clock: Callable[[], float] = time.time
    tell: Callable[[str], None] = field(default=lambda line: None)
    trouble: str = ""
    _told: str = ""
    _seen: Hashable = None
    _view: View = field(default_factory=lambda: View(None))
    _sessions: dict[int, BatchSession] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.RLock)
    _handed_on: tuple[int, str] = (-1, "")
    _end: threading.Event = field(default_factory=threading.Event)

    def refresh(self) -> None:
        """Read the ledger again if anything happened."""
        with self._lock:
            mark = self.run.mark()
            if mark != self._seen:
                self._view = self.run.look()
                self._seen = mark

    @property
    def view(self) -> View:
        """Where the run stands, as last read."""
        return self._view

    @property
    def session(self) -> BatchSession | None:
        """The open batch's session."""
        work = self._view.work
        return None if work is None else self._session(work)

    def session_of(self, round: int) -> BatchSession | None:
        """A round's session, open or not: an answer that comes late is a correction."""
        work = self._view.work
        if work is not None and work.round == round:
            return self._session(work)
        with self._lock:
            if round in self._sessions:
                return self._sessions[round]
        old = self.run.work_of(round)
        return None if old is None else self._session(old)

    @cached_property
    def data(self) -> str:
        """Tells these pictures from those of another data set."""
        return self.run.images.manifest.digest()[:12]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Path in the manifest -> sample id; for neighbours, which reviews name by path."""
        return {path: at for at, path in enumerate(self.run.images.manifest.paths)}

    @cached_property
    def groups(self) -> dict[int, CopyGroup]:
        """Duplicate groups by number."""
        return {group.group: group for group in self.run.copies()}

    @cached_property
    def copies_session(self) -> BatchSession:
        """Where it is said which of a duplicate group stays."""
        manifest = self.run.images.manifest
        members = {at: Ask(at, path) for group in self.groups.values() for at, path, _, _ in group.members}
        return BatchSession(
            Work(COPIES, tuple(members.values()), manifest.classes, manifest.task), self.run.store, clock=self.clock
        )

    def _session(self, work: Work) -> BatchSession:
        with self._lock:
            if work.round not in self._sessions:
                self._sessions[work.round] = BatchSession(
                    work, self.run.store, redundancy=self.run.redundancy, hold=self.run.hold, clock=self.clock
                )
            return self._sessions[work.round]

    def attend(self) -> None:
        """Look after the run until `close`: notice new batches, hand full ones on."""
        while not self._end.wait(1.0):
            self.tick()

    def warm(self) -> None:
        """Encode the first picture, so that the first person does not wait for what decoding needs to be loaded."""
        work = self._view.work
        if work is not None and work.asks:
            with suppress(PoolwiseError, OSError):
                self.pictures.get(work.asks[0].sample_id, SIDES[1])

    def tick(self) -> None:
        """One look; trouble is shown on the page and, once, in the terminal, and tried again."""
        told = ""
        try:
            self.refresh()
            self._hand_on()
            self.trouble = ""
        except RunBusy:  # the loop is at work: it takes the votes itself
            self.trouble = ""
        except PoolwiseError as error:
            self.trouble, told = for_page(error), str(error)
        except Exception as error:
            LOG.exception("the page's server")
            self.trouble = told = f"{type(error).__name__}: {error}"
        if told != self._told:
            self._told = told
            self.tell(f"the page: {told or 'that is mended, answers are recorded again.'}")

    def _hand_on(self) -> None:
        session = self.session
        if session is None or not session.full or not session.work.asks:
            return
        mark = (session.work.round, session.last_at)
        if mark == self._handed_on or self._age(session.last_at) < GRACE:
            return
        self.run.full()
        self._handed_on = mark

    def _age(self, at: str) -> float:
        return self.clock() - datetime.fromisoformat(at).replace(tzinfo=timezone.utc).timestamp() if at else GRACE

    def close(self) -> None:
        """End `attend`."""
        self._end.set()


def for_page(error: PoolwiseError) -> str:
    """What people at the page are told of an error."""
    return MOVED if isinstance(error, LedgerMoved) else str(error)

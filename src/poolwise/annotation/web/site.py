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
from pathlib import Path
from typing import Any, Protocol

from poolwise.annotation.web.batch_session import BatchSession, VoteStore
from poolwise.annotation.web.page import Page
from poolwise.annotation.web.pictures import SIDES, Pictures
from poolwise.core.errors import LedgerMoved, PoolwiseError, RunBusy
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Ask, Batch

LOG = logging.getLogger("poolwise")
COPIES = -1
"""The round of votes on near-copies: no batch asked about them."""
MOVED = (
    "The run's folder, or the ledger in it, was removed, moved or replaced while this page was open: nothing is recorded. "
    "Put it back where it was, and the page sends what is not saved; or end the server, start poolwise annotate again, "
    "and open the page that it names."
)
"""What people at the page read when the run is moved: no path, unlike in the terminal."""
GRACE = 3.0
"""Seconds after the last answer of a full batch in which it can still be taken back, before the loop goes on."""


@dataclass(frozen=True)
class View:
    """Where a run stands, as the page shows it.

    Attributes:
        batch: the open one, None while there is none.
        stage: in words, what happens while there is no batch: "Training the model", ...
        since: when that began, seconds since 1970; 0 if nothing is going on.
        expected: seconds it took the last time; 0 if not known.
        over: why the run is over; "" while it is not.
        scores: headline metric after each round.
        next_command: what goes on with the run when the page does not.
    """

    batch: Batch | None
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
        """Return where its votes go."""

    @property
    def page(self) -> Page:
        """Its annotator, with the settings of the page and the run's votes."""

    def version(self) -> Hashable:
        """Return, quickly, a value that changes whenever something has happened."""

    def view(self) -> View:
        """Return where the run stands."""

    def batch(self, round: int) -> Batch | None:
        """Return a round's batch, open or not; None if there is no such round."""

    def copies(self) -> tuple[CopyGroup, ...]:
        """Return the duplicate groups that an audit found."""

    def batch_is_full(self) -> None:
        """Take the votes, as enough people have answered every sample, and, if it is to train, go on."""


@dataclass
class Site:
    """The state that all requests share.

    Attributes:
        run: the run behind the page.
        pictures: its samples as small pictures.
        clock: seconds since 1970.
        warn: shows a line to whoever started the server.
        trouble: what is wrong, in words, as the page shows it; "" while nothing is.
    """

    run: Run
    pictures: Pictures
    clock: Callable[[], float] = time.time
    warn: Callable[[str], None] = field(default=lambda line: None)
    trouble: str = ""
    _warned: str = ""
    _version: Hashable = None
    _view: View = field(default_factory=lambda: View(None))
    _sessions: dict[int, BatchSession] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.RLock)
    _handed_on: tuple[int, str] = (-1, "")
    _end: threading.Event = field(default_factory=threading.Event)

    def refresh(self) -> None:
        """Read the ledger again if anything happened."""
        with self._lock:
            version = self.run.version()
            if version != self._version:
                self._view = self.run.view()
                self._version = version

    @property
    def view(self) -> View:
        """Return where the run stands, as last read."""
        return self._view

    @property
    def session(self) -> BatchSession | None:
        """The session of the open batch."""
        batch = self._view.batch
        return None if batch is None else self._session(batch)

    def session_of(self, round: int) -> BatchSession | None:
        """Return the session of a round, open or not: an answer that comes late is a correction."""
        batch = self._view.batch
        if batch is not None and batch.round == round:
            return self._session(batch)
        with self._lock:
            if round in self._sessions:
                return self._sessions[round]
        closed = self.run.batch(round)
        return None if closed is None else self._session(closed)

    @cached_property
    def data(self) -> str:
        """Tells these pictures from those of another data set."""
        return self.run.images.manifest.digest()[:12]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Path in the manifest -> sample id; for neighbours, which reviews name by path."""
        return {path: sample_id for sample_id, path in enumerate(self.run.images.manifest.paths)}

    @cached_property
    def groups(self) -> dict[int, CopyGroup]:
        """Duplicate groups by number."""
        return {group.group: group for group in self.run.copies()}

    @cached_property
    def copies_session(self) -> BatchSession:
        """Return where people say which sample of a duplicate group stays."""
        manifest = self.run.images.manifest
        members = {each: Ask(each, path) for group in self.groups.values() for each, path, _, _ in group.members}
        batch = Batch(COPIES, tuple(members.values()), manifest.classes, manifest.task, Path())
        return BatchSession(batch, self.run.store, clock=self.clock)

    def _session(self, batch: Batch) -> BatchSession:
        with self._lock:
            if batch.round not in self._sessions:
                page, hold = self.run.page, self.run.page.hold_minutes * 60
                self._sessions[batch.round] = BatchSession(
                    batch, self.run.store, redundancy=page.redundancy, hold=hold, clock=self.clock
                )
            return self._sessions[batch.round]

    def attend(self) -> None:
        """Look after the run until `close`: notice new batches, hand full ones on."""
        while not self._end.wait(1.0):
            self.tick()

    def warm(self) -> None:
        """Encode the first picture, so that the first person does not wait for what decoding needs to be loaded."""
        batch = self._view.batch
        if batch is not None and batch.asks:
            with suppress(PoolwiseError, OSError):
                self.pictures.get(batch.asks[0].sample_id, SIDES[1])

    def tick(self) -> None:
        """Look once; trouble is shown on the page and, once, in the terminal, and tried again."""
        warning = ""
        try:
            self.refresh()
            self._hand_on()
            self.trouble = ""
        except RunBusy:  # the loop is at work: it takes the votes itself
            self.trouble = ""
        except PoolwiseError as error:
            self.trouble, warning = for_page(error), str(error)
        except Exception as error:
            LOG.exception("the page's server")
            self.trouble = warning = f"{type(error).__name__}: {error}"
        if warning != self._warned:
            self._warned = warning
            self.warn(f"the page: {warning or 'that is mended, answers are recorded again.'}")

    def _hand_on(self) -> None:
        session = self.session
        if session is None or not session.full or not session.batch.asks:
            return
        last = (session.batch.round, session.last_at)
        if last == self._handed_on or self._age(session.last_at) < GRACE:
            return
        self.run.batch_is_full()
        self._handed_on = last

    def _age(self, moment: str) -> float:
        if not moment:
            return GRACE
        return self.clock() - datetime.fromisoformat(moment).replace(tzinfo=timezone.utc).timestamp()

    def close(self) -> None:
        """End `attend`."""
        self._end.set()


def for_page(error: PoolwiseError) -> str:
    """Return what people at the page read of an error."""
    return MOVED if isinstance(error, LedgerMoved) else str(error)

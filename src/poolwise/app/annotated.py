"""A run as the annotation page sees it: made of its ledger, its pictures and, for going on, a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from poolwise.annotation.web.page import Page
from poolwise.annotation.web.site import CopyGroup, View
from poolwise.annotation.web.vote_aggregation import aggregate
from poolwise.core.errors import ConfigError, RunBusy
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch, decode, label_text
from poolwise.jobs.answers import batch_of, new_annotations
from poolwise.jobs.audit.steps import reviewed
from poolwise.jobs.resume import check_data
from poolwise.jobs.stored import ShownParts, StoredRun
from poolwise.ledger.blobs import Blobs
from poolwise.ledger.events import LabelsReceived, NewEvent
from poolwise.ledger.state import RunState
from poolwise.ledger.votes import Votes

LOG_FILE = "annotate.log"
ALONE = "import sys; sys.path[:] = filter(None, sys.path); from poolwise.app.cli import main; main()"
"""What `python -m poolwise` does, without looking for modules in the current folder: it may be somebody else's."""


def shown_parts(run: StoredRun) -> ShownParts:
    """Pictures and annotator of a stored run.

    Raises:
        ConfigError: the run is simulated.
        DataChanged: the pictures would not be those that were asked for.
        UntrustedRun: see `StoredRun.shown`.
    """
    parts = run.shown()
    if parts.annotator.simulated:
        raise ConfigError(
            f"run {run.name!r} is simulated: its annotator answers by itself. "
            "To label on the page, begin one with annotation=page."
        )
    opened = run.ledger.state(run.name).opened
    check_data(run.name, opened.digests, parts.images.manifest, opened.data)
    return parts


def take_votes(run: StoredRun, parts: ShownParts, redundancy: int) -> int:
    """Write what was said on the page into the ledger as annotations; how many there were.

    Raises:
        RunBusy: the loop works on the run; it takes them itself.
    """
    fresh_of = reviewed if run.job == "audit" else new_annotations
    with run.ledger.lock(run.name, run.folder):
        state = run.ledger.state(run.name)
        if not state.rounds:
            return 0
        batch = batch_of(state, parts)
        found = aggregate(Votes(run.ledger, run.name).all(), batch, redundancy)
        fresh = fresh_of(state, found, batch.round, Page.source)
        if fresh:
            received = LabelsReceived(len(fresh), Page.source)
            run.ledger.append(run.name, state.events, NewEvent(batch.round, received, fresh))
        return len(fresh)


@dataclass
class AnnotatedRun:
    """`annotation.web.site.Run` over a ledger.

    Attributes:
        stored: the run.
        parts: its pictures and annotator.
        train: go on with the loop when a batch is full.
        redundancy: people who speak of each sample.
        hold: seconds for which a sample stays with a person.
    """

    stored: StoredRun
    parts: ShownParts
    train: bool
    redundancy: int
    hold: float
    store: Votes = field(init=False)
    _child: subprocess.Popen[bytes] | None = None
    _failed_at: int = -1

    def __post_init__(self) -> None:
        self.store = Votes(self.stored.ledger, self.stored.name)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.stored.name

    @property
    def images(self) -> ImageSource:
        """Its pictures."""
        return self.parts.images

    def version(self) -> tuple[int, int | None, bool]:
        """Changes whenever something has happened."""
        child = self._child
        return self.stored.ledger.length(self.name), None if child is None else child.poll(), child is None

    def view(self) -> View:
        """Where the run stands."""
        state = self.stored.ledger.state(self.name)
        batch = None
        if state.rounds and state.rounds[-1].emitted and not state.rounds[-1].closed and not self._failed():
            batch = batch_of(state, self.parts)
        busy = self._busy()
        return View(
            batch,
            stage="" if batch else self._stage(state, busy),
            since=datetime.fromisoformat(state.at).timestamp() if busy and not batch else 0.0,
            expected=sum(state.rounds[-1].seconds.values()) or _before(state) if state.rounds else 0.0,
            over="" if busy else state.stopped,
            scores=_scores(state),
            metric=state.opened.metric,
            next_command=state.opened.command,
        )

    def batch(self, round: int) -> Batch | None:
        """Return a round's batch; None if there is none of that number."""
        state = self.stored.ledger.state(self.name)
        return batch_of(state, self.parts, round) if 0 <= round < len(state.rounds) else None

    def _busy(self) -> bool:
        if self._child is not None and self._child.poll() is None:
            return True
        try:
            with self.stored.ledger.lock(self.name, self.stored.folder):
                return False
        except RunBusy:
            return True

    def _failed(self) -> bool:
        """Whether our loop failed, and nobody has gone on with the run since."""
        if self._child is None or not self._child.poll():
            return False
        length = self.stored.ledger.length(self.name)
        if self._failed_at < 0:
            self._failed_at = length
        return length == self._failed_at

    def _stage(self, state: RunState, busy: bool) -> str:
        if self._failed():
            code = self._child.poll() if self._child is not None else 1
            why = f"killed by signal {-code}" if code and code < 0 else _last_line(self.stored.folder / LOG_FILE)
            return f"The loop ended with an error: {why} -- when that is mended, go on with: {state.opened.command}"
        if not busy:
            return "The loop is not running"
        if not state.rounds or state.rounds[-1].done:
            return "Choosing the next batch"
        if not state.rounds[-1].closed:
            return "Getting the batch ready"
        return "Measuring the model" if state.rounds[-1].trained else "Training the model"

    def copies(self) -> tuple[CopyGroup, ...]:
        """Duplicate groups of the last audit, in the order of its list."""
        state = self.stored.ledger.state(self.name)
        tables = [audit.tables for _, audit in sorted(state.audits.items()) if audit.tables]
        if not tables:
            return ()
        kept = json.loads(Blobs(self.stored.folder / "blobs").path(tables[-1]).read_text(encoding="utf-8"))
        return _groups(kept.get("copies") or {}, state, self.images)

    def batch_is_full(self) -> None:
        """Take the votes; go on with the loop, if that is asked for, in a process of its own."""
        taken = take_votes(self.stored, self.parts, self.redundancy)
        if self.train and (taken or self._child is None or self._child.poll() is not None):
            self._child, self._failed_at = self._started(), -1

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", ALONE, "annotate", str(self.stored.folder), "--collect"]
        with (self.stored.folder / LOG_FILE).open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def _before(state: RunState) -> float:
    """Seconds that the last finished round took."""
    return next((sum(round_.seconds.values()) for round_ in reversed(state.rounds) if round_.done), 0.0)


def _scores(state: RunState) -> tuple[tuple[int, float], ...]:
    name = state.opened.metric
    return tuple((each.labelled, each.metrics[name]) for each in state.records if name in each.metrics)


def _last_line(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines() if file.is_file() else []
    return lines[-1][:500] if lines else f"see {file.name}"


def _groups(columns: Mapping[str, Sequence[Any]], state: RunState, images: ImageSource) -> tuple[CopyGroup, ...]:
    """Pairs of near-copies as groups of samples."""
    manifest = images.manifest
    numbers = {path: at for at, path in enumerate(manifest.paths)}
    members: dict[int, dict[int, None]] = defaultdict(dict)
    rows = zip(*(columns.get(name, ()) for name in ("group", "path", "other_path")), strict=True)
    for group, *paths in rows:
        members[int(group)].update(dict.fromkeys(numbers[path] for path in paths if path in numbers))

    def label(at: int) -> str:
        row = state.annotations.get(at)
        return label_text(row.label if row else decode(manifest.labels[at], manifest.classes))

    return tuple(
        CopyGroup(group, tuple((at, manifest.paths[at], label(at), str(manifest.splits[at])) for at in sorted(ids)))
        for group, ids in members.items()
    )


Say = Callable[[str], None]


def go_on(run: StoredRun, parts: ShownParts, redundancy: int, say: Say) -> None:
    """Take the votes, then go on with the run as far as it goes."""
    count = take_votes(run, parts, redundancy)
    say(f"{count} new answers from the page recorded in run {run.name}.")
    from poolwise.app.run import go_on_with
    from poolwise.app.terminal import Terminal

    for line in go_on_with(run, run.build(Terminal())):
        say(line)

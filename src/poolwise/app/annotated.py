"""A run as the annotation page sees it: made of its ledger, its pictures and, for going on, a process of its own."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from poolwise.annotation.web.page import Page
from poolwise.annotation.web.site import CopyGroup, View
from poolwise.app.commands import take_answers
from poolwise.app.run import go_on_with
from poolwise.app.terminal import Terminal
from poolwise.core.errors import ConfigError, RunBusy
from poolwise.core.interfaces import ImageSource
from poolwise.core.parallel import environment
from poolwise.core.types import Batch, decode, label_text
from poolwise.jobs.answers import batch_of
from poolwise.jobs.resume import check_data
from poolwise.jobs.stored import ShownParts, StoredRun, stored_run
from poolwise.ledger.blobs import Blobs
from poolwise.ledger.state import RunState
from poolwise.ledger.votes import Votes

LOG_FILE = "annotate.log"


def shown_parts(run: StoredRun) -> ShownParts:
    """Return pictures and annotator of a stored run.

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


def take_votes(run: StoredRun, parts: ShownParts, page: Page) -> int:
    """Write what people said on the page into the ledger as annotations; return how many are new.

    Raises:
        RunBusy: the loop works on the run; it takes them itself.
    """
    if not run.ledger.state(run.name).rounds:
        return 0
    votes = Votes(run.ledger, run.name)
    return take_answers(run, parts, replace(page, partial="train").reading(votes.all))


@dataclass
class AnnotatedRun:
    """`annotation.web.site.Run` over a ledger: a stored run, its pictures and annotator, and the settings of its page."""

    stored: StoredRun
    parts: ShownParts
    page: Page
    store: Votes = field(init=False)
    _worker: BaseProcess | None = None
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
        """Return a value that changes whenever something has happened."""
        worker = self._worker
        return self.stored.ledger.length(self.name), None if worker is None else worker.exitcode, worker is None

    def view(self) -> View:
        """Return where the run stands."""
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
        if self._worker is not None and self._worker.exitcode is None:
            return True
        try:
            with self.stored.ledger.lock(self.name, self.stored.folder):
                return False
        except RunBusy:
            return True

    def _failed(self) -> bool:
        """Return whether our loop failed, and nobody has gone on with the run since."""
        if self._worker is None or not self._worker.exitcode:
            return False
        length = self.stored.ledger.length(self.name)
        if self._failed_at < 0:
            self._failed_at = length
        return length == self._failed_at

    def _stage(self, state: RunState, busy: bool) -> str:
        if self._failed():
            code = self._worker.exitcode if self._worker is not None else 1
            reason = f"killed by signal {-code}" if code and code < 0 else _last_line(self.stored.folder / LOG_FILE)
            return f"The loop ended with an error: {reason} -- when that is mended, go on with: {state.opened.command}"
        if not busy:
            return "The loop is not running"
        if not state.rounds or state.rounds[-1].done:
            return "Choosing the next batch"
        if not state.rounds[-1].closed:
            return "Getting the batch ready"
        return "Measuring the model" if state.rounds[-1].trained else "Training the model"

    def copies(self) -> tuple[CopyGroup, ...]:
        """Return the duplicate groups of the last audit, in the order of its list."""
        state = self.stored.ledger.state(self.name)
        tables = [audit.tables for _, audit in sorted(state.audits.items()) if audit.tables]
        if not tables:
            return ()
        kept = json.loads(Blobs(self.stored.folder / "blobs").path(tables[-1]).read_text(encoding="utf-8"))
        return _groups(kept.get("copies") or {}, state, self.images)

    def batch_is_full(self) -> None:
        """Take the votes; go on with the loop, if that is asked for, in a process of its own."""
        taken = take_votes(self.stored, self.parts, self.page)
        if self.page.train and (taken or self._worker is None or self._worker.exitcode is not None):
            self._worker, self._failed_at = self._started(), -1

    def _started(self) -> BaseProcess:
        """Start a worker: training takes long, may run out of memory, and changes the current folder, so no thread will do."""
        worker = get_context("spawn").Process(target=work, args=(self.stored.folder, self.page))
        with environment(PYTHONSAFEPATH="1"):  # modules in the current folder may be somebody else's
            worker.start()
        return worker

    def close(self) -> None:
        """End the worker, which loses at most the step that it is in; a process that ends waits for its workers otherwise."""
        if self._worker is not None:
            self._worker.terminate()
            self._worker.join(10)
            self._worker.kill()  # a library may have taken the signal for itself
            self._worker.join()


def _before(state: RunState) -> float:
    """Return the seconds that the last finished round took."""
    return next((sum(round_.seconds.values()) for round_ in reversed(state.rounds) if round_.done), 0.0)


def _scores(state: RunState) -> tuple[tuple[int, float], ...]:
    name = state.opened.metric
    return tuple((each.labelled, each.metrics[name]) for each in state.records if name in each.metrics)


def _last_line(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines() if file.is_file() else []
    return lines[-1][:500] if lines else f"see {file.name}"


def _groups(columns: Mapping[str, Sequence[Any]], state: RunState, images: ImageSource) -> tuple[CopyGroup, ...]:
    """Return pairs of near-copies as groups of samples."""
    manifest = images.manifest
    numbers = {path: sample_id for sample_id, path in enumerate(manifest.paths)}
    members: dict[int, dict[int, None]] = defaultdict(dict)
    rows = zip(*(columns.get(name, ()) for name in ("group", "path", "other_path")), strict=True)
    for group, *paths in rows:
        members[int(group)].update(dict.fromkeys(numbers[path] for path in paths if path in numbers))

    def label(sample_id: int) -> str:
        row = state.annotations.get(sample_id)
        return label_text(row.label if row else decode(manifest.labels[sample_id], manifest.classes))

    return tuple(
        CopyGroup(group, tuple((i, manifest.paths[i], label(i), str(manifest.splits[i])) for i in sorted(ids)))
        for group, ids in members.items()
    )


def go_on(run: StoredRun, parts: ShownParts, page: Page, say: Callable[[str], None]) -> None:
    """Take the votes, then go on with the run as far as it goes."""
    count = take_votes(run, parts, page)
    say(f"{count} new answers from the page recorded in run {run.name}.")
    for line in go_on_with(run, run.build(Terminal())):
        say(line)


def work(folder: Path, page: Page) -> None:
    """Go on with a run, in a process of its own: what it says goes into a file in the run's folder."""
    from poolwise.app.cli import guarded

    with (folder / LOG_FILE).open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    run = stored_run(folder)
    guarded(lambda: go_on(run, shown_parts(run), page, Terminal().say))

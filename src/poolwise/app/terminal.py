"""What a person sees while a job runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from poolwise.core.types import RoundRecord, RunRecord

SHOW_AFTER = 1.0
"""Seconds that work must take before a bar is worth showing."""
LINE_AFTER = 30.0
"""Seconds between plain lines where there is no terminal to draw a bar on, such as a log."""


@dataclass
class Terminal:
    """Rounds as lines, long work as a bar; `verbose=False` leaves warnings alone."""

    verbose: bool = True
    console: Console = field(default_factory=lambda: Console(highlight=False))
    errors: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))
    _bar: Progress | None = None
    _task: TaskID | None = None
    _what: str = ""
    _since: float = 0.0
    _run: str = ""

    def say(self, line: str) -> None:
        """Print a line that should be read, also when quiet asks for less."""
        self._clear()
        self.console.print(line, soft_wrap=True, markup=False)

    def note(self, line: str) -> None:
        """Print a line that quiet leaves out."""
        if self.verbose:
            self.say(line)

    def warn(self, line: str) -> None:
        """Print a line that should worry."""
        self._clear()
        self.errors.print(f"warning: {line}", style="yellow", soft_wrap=True, markup=False)

    def progress(self, what: str, done: int, total: int) -> None:
        """Move a bar that shows after a second; where there is no terminal, a line now and then."""
        if not self.verbose:
            return
        if what != self._what or done == 0:
            self._clear()
            self._what, self._since = what, time.monotonic()
        if total and done >= total:
            self._clear()
        elif not self.console.is_terminal:
            if time.monotonic() - self._since > LINE_AFTER:
                self._since = time.monotonic()
                self.console.print(f"  {what}: {done} of {total or '?'}", soft_wrap=True, markup=False)
        elif self._bar is None and time.monotonic() - self._since > SHOW_AFTER:
            self._bar = Progress(
                TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                console=self.console, transient=True,
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task(what, total=total or None, completed=done)
        elif self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)

    def round_done(self, run: RunRecord, budget: int | None) -> None:
        """Print one line a round: labels, metric, seconds, time left."""
        if not self.verbose:
            return
        if run.name != self._run:
            self._run = run.name
            control = " (control: the same start, drawn at random)" if run.name.endswith("/control") else ""
            self.say(f"{run.name}: {run.strategy} on {run.data['name']}{control}")
            if run.data.get("model") and not control:
                self.say(f"  {run.data['model']}")
        last = run.rounds[-1]
        score = last.metrics.get(run.metric)
        shown = "nothing held out to measure on" if score is None else f"{run.metric} {score:.4f}"
        if run.data.get("given"):  # labels that came with the data are no part of the budget
            budget = None
        labels = f"{last.labelled}" if budget is None else f"{last.labelled}/{budget}"
        seconds = sum(last.seconds.values())
        rest = f"{mode(last)}{self._left(run, budget)}"
        self.say(f"  round {last.round:3d}   labels {labels:>9}   {shown}   {seconds:5.1f} s{rest}")

    def _left(self, run: RunRecord, budget: int | None) -> str:
        """Return the time left in words, from the last rounds' pace."""
        rounds = run.rounds
        if budget is None or len(rounds) < 2 or rounds[-1].labelled >= budget:
            return ""
        gained = rounds[-1].labelled - rounds[-2].labelled
        if gained <= 0:
            return ""
        pace = sum(sum(r.seconds.values()) for r in rounds[-3:]) / len(rounds[-3:])
        left = pace * (budget - rounds[-1].labelled) / gained
        return f"   about {left:.0f} s left" if left < 120 else f"   about {left / 60:.0f} min left"

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._bar, self._task, self._what = None, None, ""


def mode(record: RoundRecord) -> str:
    """Return the way that a strategy took this round, where it decides between ways."""
    taken = record.asks[0].details.get("mode") if record.asks else None
    return f"   by {taken}" if taken else ""

"""Commands on runs that exist: take answers, write the report, tell the tracker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poolwise.annotation.formats import format_of
from poolwise.annotation.reading import read_answers
from poolwise.app.label_files import labels as labels
from poolwise.app.run import first_of, go_on_with
from poolwise.app.terminal import Terminal
from poolwise.core.errors import AnnotationError, ConfigError
from poolwise.core.types import Answer, Batch
from poolwise.jobs.answers import Answering, batch_of, received
from poolwise.jobs.resume import check_data, check_settings
from poolwise.jobs.run_folder import RunParts, why
from poolwise.jobs.stored import StoredJob, StoredRun, stored_job, stored_run
from poolwise.jobs.table import JOBS


def ingest(file: Path, folder: Path | None, round_: int | None = None, *, trusted: bool = False) -> None:
    """Take the answers of a batch file, or of another tool's export, then go on with the run as far as it goes.

    Answers to an earlier round's batch are corrections: new rows that stand for the older ones from the next training on.

    Args:
        file: in any format that `annotation=` writes; for image_folder the folder.
        folder: of the run; None for a batch file where it was written.
        round_: that it answers; None takes the one in the file's name, else, with `folder`, the last one.
        trusted: a person vouches for the settings in the folder.

    Raises:
        AnnotationError, FormatError: the file cannot be taken; nothing was.
    """
    if not file.exists():
        raise AnnotationError(f"{file} does not exist; batch files lie in runs/NAME/batches/.")
    file = file.resolve()
    if folder is None and not (file.parent.parent / "config.yaml").is_file():
        raise AnnotationError(f"{file} lies in no run's folder; name the run it answers with --run FOLDER.")
    run = stored_run(folder or file.parent.parent, trusted=trusted)
    if round_ is None and (found := re.search(r"(?<![A-Za-z])round_(\d{1,9})", file.name)):
        round_ = int(found.group(1))
    display = Terminal()
    parts = run.build(display)
    main = first_of(parts)
    check_settings(run.name, run.ledger.state(run.name).opened.config, main.config)
    count = take_answers(run, main, AnswersFile(file, main.annotator.annotator), round_)
    display.say(
        f"{count} new answers from {file.name} recorded in {'run' if run.job == 'loop' else run.job} {run.name}."
    )
    for line in go_on_with(run, parts):
        display.say(line)


@dataclass(frozen=True)
class AnswersFile:
    """A file of any format, as what answers a batch; `annotator` is who answered, where the file does not say."""

    file: Path
    annotator: str = ""

    @property
    def source(self) -> str:
        """Name of the format."""
        return format_of(self.file)

    def collect(self, batch: Batch) -> Sequence[Answer]:
        """Return the answers in the file. Raises as `read_answers`."""
        return read_answers(self.file, batch, self.annotator)


def take_answers(run: StoredRun, parts: RunParts, answering: Answering, round_: int | None = None) -> int:
    """Write the answers that say something new into the ledger as annotations; return how many there are.

    Args:
        run: the run.
        parts: its pictures.
        answering: gives the answers.
        round_: that is answered; None for the last one.

    Raises:
        RunBusy: the loop works on the run.
        AnnotationError: there is no such round.
    """
    with run.ledger.lock(run.name, run.folder):
        state = run.ledger.state(run.name)
        last = len(state.rounds) - 1
        if not 0 <= (last if round_ is None else round_) <= last:
            raise AnnotationError(
                f"the answers are to no round of run {run.name!r}; it has the rounds 0 to {last}, their batch files begin "
                f"with round_000 to round_{max(0, last):03d}; for an export of another name say which with --round."
            )
        check_data(run.name, state.opened.digests, parts.images.manifest, state.opened.data)
        events = received(state, batch_of(state, parts, round_), answering, JOBS[run.job].load("answers"))
        for event in events:
            run.ledger.append(run.name, state.events, event)
    return sum(len(event.annotations) for event in events)


def report(folder: Path, *, trusted: bool = False) -> None:
    """Write a run's report anew.

    Raises:
        DataChanged: the pictures would not be those that were asked for.
        UntrustedRun: settings of somebody else that reach beyond the folder, and nobody vouches for them.
    """
    run = stored_job(folder, trusted=trusted)
    _report(run, Terminal(), tell=False)
    Terminal().say(f"report: {run.folder / 'report.html'}")


def track(folder: Path, *, trusted: bool = False) -> None:
    """Tell the tracker what it has missed. Raises UntrustedRun, as `report`."""
    run, display = stored_job(folder, trusted=trusted), Terminal()
    if missed := _report(run, display, tell=True):
        raise ConfigError(
            f"the tracker has not been told everything of {run.name}{missed[0]}; nothing is lost: the same command sends the "
            "rest when that is put right."
        )
    display.say(f"The tracker knows all of {run.name}.")


def _report(run: StoredRun | StoredJob, display: Terminal, *, tell: bool) -> list[str]:
    """Write the page of a run anew, with `tell` send what its tracker misses; return why it misses something, if it does."""
    row = JOBS[run.job]
    if row.report:
        missed: list[str] = row.load("report")(run, display, tell=tell)
        return missed
    parts = run.build(display)
    return [] if row.load("run")(parts)[1] else [why(parts.tracker)]

"""The command line. Jobs with settings are Hydra's; the rest takes a run's folder or a file. Nothing heavy at the top."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from poolwise import __version__
from poolwise.annotation.formats import FORMATS
from poolwise.core.errors import PoolwiseError
from poolwise.jobs.table import JOBS

T = TypeVar("T")

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

COMMANDS = {
    **{name: f"{job.help} (settings: poolwise {name} --help)" for name, job in JOBS.items()},
    "annotate": "label or review on a page in the browser, alone or with others",
    "ingest": "take the answers of a filled-in batch file, or another tool's export, and go on with its run",
    "status": "where every run stands",
    "report": "write a run's report page anew",
    "track": "send what the tracking server has missed of a run",
    "labels": "write the labels gathered so far: CSV, JSON Lines, COCO, CVAT, Label Studio, folders",
}
EPILOG = """\
poolwise loop                       a first run: handwritten digits, simulated, a minute
eval "$(poolwise -sc install=bash)" tab completion in this shell
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command: what `poolwise` and `python -m poolwise` call."""
    # Threads that wait should sleep: spinning ones make a small network several times slower on a machine that has
    # other work to do. Read when torch is first imported; a value of the user's own stands.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _do(words)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _do(words: Sequence[str]) -> None:
    if words[:1] in (["-sc"], ["--shell-completion"]):
        from poolwise.app.hydra_job import complete

        complete(words[1:])
    elif words[:1] and words[0] in JOBS:
        from poolwise.app.hydra_job import main as hydra_main

        hydra_main(words[0], words[1:])
    else:
        options = _parser().parse_args(words)
        guarded(lambda: options.run(options))


def guarded(work: Callable[[], T]) -> T:
    """Run a job; what goes wrong on purpose ends as one message, not as a stack trace."""
    try:
        return work()
    except PoolwiseError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        _fail(
            "stopped by the keyboard; everything up to the last finished step is kept: the same command goes on.", 130
        )
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            _fail(
                f"{error.strerror}: {error.filename or 'the run folder'}. Nothing is lost: mend that and try again.", 1
            )
        raise
    except RuntimeError as error:
        if "home directory" not in str(error):  # what pathlib says of ~name
            raise
        _fail("a path in the settings begins with ~ and the name of nobody on this machine; write the whole path.", 1)
    except Exception as error:
        if type(error).__name__ in ("InterpolationKeyError", "MissingMandatoryValue"):
            _fail(f"{str(error).splitlines()[0]}; set it on the command line.", 1)
        raise


def _fail(message: str, status: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="poolwise",
        description="Which pictures to label next, which labels are wrong, how many more are needed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"poolwise {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in JOBS:
        commands.add_parser(name, help=COMMANDS[name], add_help=False)
    _annotate_options(commands.add_parser("annotate", help=COMMANDS["annotate"]))
    ingest = commands.add_parser("ingest", help=COMMANDS["ingest"])
    ingest.add_argument("file", type=Path, help="a batch file or an export: .csv, .jsonl, .json, .xml, or a folder")
    ingest.add_argument("--run", type=Path, help="folder of the run, if the file lies elsewhere", dest="folder")
    ingest.add_argument("--round", type=int, help="round that it answers (default: that of its name, else the last)")
    _trust_option(ingest)
    ingest.set_defaults(run=_ingest)
    status = commands.add_parser("status", help=COMMANDS["status"])
    status.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    status.set_defaults(run=_status)
    for name, work in (("report", _report), ("track", _track)):
        command = commands.add_parser(name, help=COMMANDS[name])
        command.add_argument("folder", type=Path, help="a run's folder, e.g. runs/digits-auto-seed0")
        _trust_option(command)
        command.set_defaults(run=work)
    labels = commands.add_parser("labels", help=COMMANDS["labels"])
    labels.add_argument("folder", type=Path, help="a run's folder")
    labels.add_argument(
        "--out", type=Path, default=None, help="file or folder to write (default: labels.csv in the run's folder)"
    )
    labels.add_argument(
        "--format", choices=tuple(FORMATS), default=None, help="default: by the ending of --out, else csv"
    )
    _trust_option(labels)
    labels.set_defaults(run=_labels)
    return parser


def _trust_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--trust",
        action="store_true",
        help="take the settings in the folder as your own: it comes from somewhere you trust",
    )


def _annotate_options(annotate: argparse.ArgumentParser) -> None:
    add = annotate.add_argument
    add("folder", type=Path, nargs="?", help="a run's folder (default: the run in runs/ that waits for people)")
    add("--host", default="127.0.0.1", help="address to listen at (default: this machine alone); others need --people")
    add("--port", type=int, help="default: the first free one from 8765 on")
    add("--people", default="", help="names of who may come in, e.g. ann,ben; prints a link for each")
    add("--renew", default="", help="names of who gets a new link; the old one is worth nothing then")
    add("--name", default="", help="your name, where nobody logs in (default: your name on this machine)")
    add("--train", action=argparse.BooleanOptionalAction, default=None, help="go on with the loop when a batch is full")
    add("--redundancy", type=int, help="people who answer each picture (default: as the run has it)")
    add("--hold-minutes", type=float, help="after which a picture goes to somebody else (default: as the run has it)")
    add("--browser", action=argparse.BooleanOptionalAction, default=True, help="open the page")
    _trust_option(annotate)
    add("--collect", action="store_true", help="no page: take what was answered on it and go on with the run")
    annotate.set_defaults(run=_annotate)


def _annotate(options: argparse.Namespace) -> None:
    from poolwise.app.annotate import Serving, annotate, names_of

    serving = Serving(
        options.host, options.port, tuple(names_of(options.people)), tuple(names_of(options.renew)), options.name,
        options.train, options.redundancy, options.hold_minutes, options.browser, options.trust,
    )  # fmt: skip
    annotate(options.folder, serving, collect=options.collect)


def _ingest(options: argparse.Namespace) -> None:
    from poolwise.app.commands import ingest

    ingest(options.file, options.folder, options.round, trusted=options.trust)


def _status(options: argparse.Namespace) -> None:
    from poolwise.app.status import status

    status(options.runs)


def _report(options: argparse.Namespace) -> None:
    from poolwise.app.commands import report

    report(options.folder, trusted=options.trust)


def _track(options: argparse.Namespace) -> None:
    from poolwise.app.commands import track

    track(options.folder, trusted=options.trust)


def _labels(options: argparse.Namespace) -> None:
    from poolwise.app.commands import labels

    labels(options.folder, options.out, options.format, trusted=options.trust)

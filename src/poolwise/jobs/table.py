"""The table of jobs, from which the command line, `status`, `report`, `track` and the tests of the pages read.

A new job is one folder beside this file, its yaml in conf/ and one row here. Functions and classes are named "module:name"
and imported when they are needed, so that `poolwise --help` answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from poolwise.core.settings import defaults_of
from poolwise.core.table import Row


@dataclass(frozen=True, kw_only=True)
class Job(Row):
    """One job of the command line; its settings are conf/NAME.yaml and `settings`.

    Attributes:
        help: one line for `poolwise --help`.
        settings: the dataclass of its settings; a `trusted`, `run_name` or `seed` among them is used.
        run: for a job with a folder, `(parts)`, or `(parts, ledger)` where it keeps a ledger, returns its record or a
            sequence that begins with it; for any other, `(config, *, command, display)` returns the exit status.
        build: `(config, *, name, method, command, display, folder=None)` returns the parts, or a list that begins with
            the main ones; "" for a job without a folder of its own.
        keeps: what is kept in the folder beside the results: a ledger, or a file job.yaml.
        name: `(choices, overrides, seed, *, sweep)` returns the name of the folder.
        about: the group of parts whose choice is told as the run's method.
        ending: `(what run returned)` returns the lines to end with.
        report: `(stored, display, *, tell)` writes the page anew, tells the tracker if asked, and returns why it misses
            something; "" runs the job again, for one that trains nothing twice.
        answers: `(state, answers, round, source)` returns the new annotations among answers; "" for a job that asks nobody.
        words: `(word)` returns a word of the command line as Hydra is to read it.
        cells: the job whose groups of parts its help lists; "" for its own.
    """

    help: str
    settings: str
    run: str
    build: str = ""
    keeps: Literal["", "ledger", "file"] = ""
    name: str = ""
    about: str = ""
    ending: str = ""
    report: str = ""
    answers: str = ""
    words: str = ""
    cells: str = ""


def register(*names: str) -> None:
    """Tell Hydra the defaults of the settings of jobs, which conf/NAME.yaml takes as NAME_settings."""
    from hydra.core.config_store import ConfigStore

    for name in names or JOBS:
        ConfigStore.instance().store(f"{name}_settings", defaults_of(JOBS[name].load("settings")))


JOBS = {
    "loop": Job(
        help="label a pool round by round; simulated, or with people",
        settings="poolwise.jobs.loop.settings:LoopConfig",
        build="poolwise.jobs.loop.build:loop_parts",
        run="poolwise.jobs.loop.job:loop_job",
        keeps="ledger",
        name="poolwise.jobs.loop.build:run_name",
        about="query",
        ending="poolwise.jobs.loop.build:ending",
        report="poolwise.jobs.loop.again:report",
        answers="poolwise.jobs.answers:new_annotations",
    ),
    "audit": Job(
        help="find labels that are probably wrong, and have them reviewed",
        settings="poolwise.jobs.audit.settings:AuditConfig",
        build="poolwise.jobs.audit.build:audit_parts",
        run="poolwise.jobs.audit.job:audit_job",
        keeps="ledger",
        name="poolwise.jobs.audit.build:audit_name",
        about="label_error",
        ending="poolwise.jobs.audit.build:ending",
        report="poolwise.jobs.audit.job:report",
        answers="poolwise.jobs.audit.steps:reviewed",
    ),
    "compare": Job(
        help="does cleaning the labels help: cleaned against raw",
        settings="poolwise.jobs.compare.settings:CompareConfig",
        build="poolwise.jobs.compare.build:compare_parts",
        run="poolwise.jobs.compare.job:compare_job",
        keeps="file",
        name="poolwise.jobs.compare.build:compare_name",
        about="pruning",
        ending="poolwise.jobs.compare.job:ending",
    ),
    "samplesize": Job(
        help="how many more labels a target needs",
        settings="poolwise.jobs.samplesize.settings:SampleSizeConfig",
        build="poolwise.jobs.samplesize.build:samplesize_parts",
        run="poolwise.jobs.samplesize.job:samplesize_job",
        keeps="file",
        name="poolwise.jobs.samplesize.build:samplesize_name",
        about="model",
        ending="poolwise.jobs.samplesize.job:ending",
        words="poolwise.jobs.samplesize.settings:as_points",
    ),
    "benchmark": Job(
        help="compare query strategies over data sets and seeds",
        settings="poolwise.jobs.benchmark.settings:BenchmarkConfig",
        run="poolwise.jobs.benchmark.build:run_benchmark",
        cells="loop",
    ),
}

"""The job of `poolwise benchmark`: run what is not finished, then compare."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poolwise.core.errors import ConfigError, SettingsChanged
from poolwise.core.files import write_text
from poolwise.core.interfaces import Display
from poolwise.core.parallel import Ended, run_all
from poolwise.jobs.benchmark.cell import CellResult, digest_of, stored_cell
from poolwise.jobs.benchmark.plan import BOUND, Cell, Regime
from poolwise.jobs.benchmark.results import mean_over, metric_of, pairs_csv, results_csv, settings_of, summary_csv
from poolwise.jobs.resume import check_settings
from poolwise.jobs.run_folder import versions
from poolwise.report.comparison import ComparisonPage, Section, write_comparison
from poolwise.report.words import seconds


@dataclass(frozen=True)
class Task:
    """A cell with all that a process needs to run it.

    Attributes:
        config: the loop's whole resolved configuration.
        command: what repeats the run by itself.
        rivals: for the upper bound, the query strategies that propose batches, as configurations.
        batches: for the upper bound, batches drawn at random.
    """

    cell: Cell
    folder: Path
    config: Mapping[str, Any]
    command: str
    rivals: tuple[Mapping[str, Any], ...] = ()
    batches: int = 0


@dataclass(frozen=True)
class Plan:
    """A whole benchmark.

    Attributes:
        name: of the benchmark.
        folder: where its cells and tables lie.
        tasks: its cells.
        regimes: their sizes.
        reference: the strategy that the others are compared with.
        jobs: cells at once, each in a process of its own; see `core.parallel.run_all`.
        config: its own settings, for the page.
        command: what repeats it.
    """

    name: str
    folder: Path
    tasks: tuple[Task, ...]
    regimes: tuple[Regime, ...]
    reference: str
    jobs: int
    config: Mapping[str, Any] = field(default_factory=dict)
    command: str = "poolwise benchmark"


@dataclass(frozen=True)
class Outcome:
    """What a benchmark came to: finished cells in the order of the plan, failed ones with their error, the page."""

    results: tuple[CellResult, ...]
    failures: tuple[tuple[str, str], ...]
    report: Path | None


def benchmark_job(plan: Plan, work: Callable[[Task], CellResult], display: Display) -> Outcome:
    """Run the cells that are not finished, then write the tables and the page.

    Args:
        plan: what to do.
        work: runs one cell, in another process.
        display: shows how it goes.

    Raises:
        ConfigError: cells of this name were begun with other settings.
    """
    done = {task.cell: result for task in plan.tasks if (result := _finished(task))}
    left = [task for task in plan.tasks if task.cell not in done]
    _check_settings(plan, left)
    if done:
        display.say(f"{len(done)} of {len(plan.tasks)} cells were finished before.")
    progress = _Progress(plan, done, display)
    run_all(left, work, plan.jobs, progress.ended)
    results = progress.results()
    outcome = Outcome(results, tuple(progress.failures), _write(plan, results, progress.failures))
    for name, error in outcome.failures:
        display.warn(f"{name} failed: {error}")
    return outcome


def _finished(task: Task) -> CellResult | None:
    result = stored_cell(task.folder)
    fits = result is not None and result.cell == task.cell and result.settings == digest_of(task.config)
    return result if fits and result is not None and result.told else None


def _check_settings(plan: Plan, tasks: Sequence[Task]) -> None:
    """Raise one error before anything runs, instead of one a cell."""
    import yaml

    for task in tasks:
        file = task.folder / "config.yaml"
        if file.is_file():
            try:
                check_settings(task.cell.name, dict(yaml.safe_load(file.read_text(encoding="utf-8"))), task.config)
            except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError, RecursionError) as error:
                raise ConfigError(f"{file} cannot be read; restore it from a copy, or delete its folder.") from error
            except SettingsChanged as error:
                changed = "\n".join(line for line in str(error).splitlines() if line.startswith("  "))
                raise ConfigError(
                    f"benchmark {plan.name!r} began with other settings (cell {task.cell.name}):\n{changed}\n"
                    "Give the new ones a benchmark of their own with name=..., or use the old ones to go on with this one."
                ) from error


class _Progress:
    """Takes cells as they end: a line each, results.csv kept up to date."""

    def __init__(self, plan: Plan, done: dict[Cell, CellResult], display: Display) -> None:
        self.plan, self.done, self.display = plan, dict(done), display
        self.failures: list[tuple[str, str]] = []
        self.before, self.since = len(done), time.monotonic()

    def ended(self, ended: Ended[Task, CellResult]) -> None:
        """Record that a cell ended, well or not."""
        name = ended.task.cell.name
        if ended.result is None:
            self.failures.append((name, ended.error))
            message = f"failed: {ended.error.splitlines()[0] if ended.error else 'no reason given'}"
        else:
            self.done[ended.task.cell] = ended.result
            write_text(self.plan.folder / "results.csv", results_csv(self.results()))
            last = ended.result.points[-1]
            score = "" if last.score is None else f"{ended.result.metric} {last.score:.4f} with "
            message = f"{score}{last.labelled} labels"
            if not ended.result.told:
                message += " (the tracker has not been told all of it; the same command tells it later)"
        number = len(self.done) + len(self.failures)
        self.display.say(f"{number} of {len(self.plan.tasks)}: {name}: {message}{self._left(number)}")

    def _left(self, number: int) -> str:
        left, pace = len(self.plan.tasks) - number, (time.monotonic() - self.since) / (number - self.before)
        return f"; about {seconds(left * pace)} left" if left else f"; {seconds(time.monotonic() - self.since)} in all"

    def results(self) -> tuple[CellResult, ...]:
        """Return results in the order of the plan, whatever the order in which they ended."""
        return tuple(self.done[task.cell] for task in self.plan.tasks if task.cell in self.done)


def _write(plan: Plan, results: Sequence[CellResult], failures: Sequence[tuple[str, str]]) -> Path | None:
    """Write all tables and the page below the benchmark's folder; return the page, None where no cell finished."""
    if not results:
        return None
    settings = settings_of(results, plan.reference)
    order = dict.fromkeys((task.cell.dataset, task.cell.regime) for task in plan.tasks)
    settings = {key: settings[key] for key in order if key in settings}
    tables = {
        "results.csv": results_csv(results),
        "summary.csv": summary_csv(results, settings),
        "pairs.csv": pairs_csv(settings),
    }
    for name, text in tables.items():
        write_text(plan.folder / name, text)
    sizes = {each.label: each for each in plan.regimes}
    sections = [
        Section(
            dataset=key[0],
            regime=key[1],
            sizes=_sizes(sizes[key[1]]),
            metric=metric_of(results, key),
            setting=setting,
            pool={name: mean_over(results, key, name, "pool") for name in setting.means},
            seconds={name: mean_over(results, key, name, "select") for name in setting.means},
        )
        for key, setting in settings.items()
    ]
    page = ComparisonPage(
        plan.name, plan.reference, tuple(sections), tuple(failures), len(results), len(plan.tasks), plan.command,
        plan.config, versions(), BOUND,
    )  # fmt: skip
    return write_comparison(page, plan.folder)


def _sizes(regime: Regime) -> str:
    return f"{regime.seed_size} labels to begin with, {regime.query_size} a round, {regime.budget} in all"

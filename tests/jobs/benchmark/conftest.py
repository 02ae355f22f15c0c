"""A benchmark over fakes: two strategies, two seeds, five rounds, milliseconds each."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from builders import Quiet, ledger, parts
from poolwise.core.parallel import HERE
from poolwise.jobs.benchmark.cell import run_cell
from poolwise.jobs.benchmark.job import Plan, Task
from poolwise.jobs.benchmark.plan import Cell, Regime, cells
from poolwise.jobs.loop.parts import Settings
from poolwise.query.random import Random
from poolwise.query.top_k import Margin

STRATEGIES = {"random": Random(), "margin": Margin()}


@dataclass
class Bench:
    """A plan over fakes, and what ran of it."""

    folder: Path
    display: Quiet = field(default_factory=Quiet)
    ran: list[Cell] = field(default_factory=list)
    broken: str = ""
    stop_after: int = 1000

    def plan(self, names=("random", "margin"), seeds=(0, 1), **config):
        regime = Regime("low", 4, 4, 20)
        tasks = tuple(
            Task(
                cell, self.folder / cell.name, {"seed": cell.seed, "strategy": cell.strategy, **config}, "poolwise loop"
            )
            for cell in cells(["blobs"], ["low"], names, seeds)
        )
        return Plan("fakes", self.folder, tasks, (regime,), "random", HERE)

    def work(self, task):
        if len(self.ran) == self.stop_after:
            raise KeyboardInterrupt
        self.ran.append(task.cell)
        if task.cell.name == self.broken:
            raise ValueError("no luck")
        return run_cell(task.cell, self.parts(task), ledger(task.folder))

    def parts(self, task, **changes):
        built = parts(
            self.folder,
            run=task.cell.name,
            settings=Settings(seed=task.cell.seed, seed_size=4, query_size=4),
            strategy=STRATEGIES[task.cell.strategy],
            strategy_name=task.cell.strategy,
            config=task.config,
        )
        return replace(built, folder=task.folder, **changes)

    def table(self, name="results.csv", but=("select_seconds", "train_seconds")):
        rows = list(csv.DictReader(io.StringIO((self.folder / name).read_text())))
        return [{key: value for key, value in row.items() if key not in but} for row in rows]


@pytest.fixture
def bench(tmp_path, monkeypatch):
    # the page of each cell is the loop's, tested there; drawing it costs more than all the rest
    monkeypatch.setattr("poolwise.jobs.loop.job.report_on", lambda records, main: main.folder / "report.html")
    return Bench(tmp_path / "fakes")

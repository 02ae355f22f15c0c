"""The settings of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poolwise.core.errors import ConfigError
from poolwise.core.ranges import Checked, Count
from poolwise.core.settings import setting


def check_seeds(seeds: tuple[int, ...]) -> None:
    """Raise ConfigError unless seeds are different whole numbers from 0, at least one."""
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds are {list(seeds)}; they are different whole numbers from 0, at least one.")


@dataclass(frozen=True)
class BenchmarkConfig(Checked):
    """All settings of a benchmark. Names and loop settings are checked in `benchmark.plan`."""

    tracking: Any = None
    strategies: Any = setting(("random", "margin", "badge", "auto"), "names of query=..., or {name: {loop settings}}")
    datasets: Any = setting(("digits",), "names of data=..., or {name: {loop settings}}")
    regimes: Any = setting(
        ({"low": {"seed_size": 10, "query_size": 10, "budget": 100}},), "starting set, labels a round, labels in all"
    )
    seeds: tuple[int, ...] = setting((0, 1, 2, 3, 4), "each seed has one starting set, shared by all strategies")
    overrides: Any = setting(None, "loop settings of every cell, e.g. {model: linear_head, model.epochs: 10}")
    reference: str = setting("random", "the strategy that the others are compared with")
    jobs: Count = setting(2, "cells at once, each in a process with one thread")
    upper_bound: bool = setting(
        False, "also a look-ahead oracle that tries batches out on the test set: slow, no strategy"
    )
    upper_bound_batches: Count = setting(5, "batches that it draws at random each round, beside one of each strategy")
    log_models: bool = setting(False, "send each cell's last network to the tracker")
    name: str = setting("benchmark", "of the benchmark: its folder below `runs`, its MLflow experiment")
    runs: str = setting("runs", "folder of all runs")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seeds(self.seeds)

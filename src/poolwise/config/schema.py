"""The settings at the root of each job's configuration, with their types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from poolwise.errors import ConfigError


@dataclass(frozen=True)
class LoopConfig:
    """conf/loop.yaml; what each setting means stands there. Parts are `Any` here and checked when they are built."""

    data: Any
    model: Any
    trainer: Any
    query: Any
    annotation: Any
    tracking: Any
    candidates: Any = None
    stopping: Any = field(default_factory=dict)
    seed: int = 0
    seed_size: int = 20
    query_size: int = 20
    budget: int = 200
    test_size: int = 0
    start: str = "random"
    stop_set: int = 1000
    compare_batches: bool = True
    control: bool = True
    runs: str = "runs"
    run_name: str | None = None
    verbose: bool = True
    trusted: tuple[str, ...] = ()
    ledger: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in (
            ("seed", 0),
            ("seed_size", 0),
            ("query_size", 1),
            ("budget", 1),
            ("test_size", 0),
            ("stop_set", 1),
        ):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        if self.start not in ("random", "strategy"):
            raise ConfigError(f"start is {self.start!r}; it is random, or strategy (the first batch is chosen too).")


@dataclass(frozen=True)
class BenchmarkConfig:
    """conf/benchmark.yaml; what each setting means stands there. Names and loop settings are checked in `benchmark.plan`."""

    strategies: Any
    datasets: Any
    regimes: Any
    tracking: Any
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    overrides: Any = None
    reference: str = "random"
    jobs: int = 2
    upper_bound: bool = False
    upper_bound_batches: int = 5
    log_models: bool = False
    name: str = "benchmark"
    runs: str = "runs"

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise ConfigError(f"jobs is {self.jobs}; at least one cell runs at a time.")
        if self.upper_bound_batches < 1:
            raise ConfigError(f"upper_bound_batches is {self.upper_bound_batches}; it must be at least 1.")
        if not self.seeds or min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(f"seeds are {list(self.seeds)}; they are different whole numbers from 0, at least one.")

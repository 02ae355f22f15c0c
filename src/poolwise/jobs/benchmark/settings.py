"""The settings of a benchmark, with their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poolwise.core.errors import ConfigError


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

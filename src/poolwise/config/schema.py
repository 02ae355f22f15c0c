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
    stopping: Any = field(default_factory=dict)
    seed: int = 0
    seed_size: int = 20
    query_size: int = 20
    budget: int = 200
    test_size: int = 0
    control: bool = True
    runs: str = "runs"
    run_name: str | None = None
    verbose: bool = True
    trusted: tuple[str, ...] = ()
    ledger: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("seed_size", 0), ("query_size", 1), ("budget", 1), ("test_size", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}.")

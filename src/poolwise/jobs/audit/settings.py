"""The settings of an audit, with their types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from poolwise.core.errors import ConfigError


@dataclass(frozen=True)
class AuditConfig:
    """conf/audit.yaml; what each setting means stands there. Parts are `Any` here and checked when they are built."""

    data: Any
    model: Any
    trainer: Any
    label_error: Any
    annotation: Any
    tracking: Any
    also: Any = field(default_factory=dict)
    seed: int = 0
    budget: int = 200
    splits: tuple[str, ...] = ("pool",)
    protocol: str = "kfold"
    folds: int = 5
    repeats: int = 1
    stop_share: float = 0.0
    predictions: str | None = None
    embeddings: str = "auto"
    threshold: float = 0.9
    largest_group: int = 50
    jobs: int = 2
    truth: str = "truth"
    plant: Any = field(default_factory=dict)
    runs: str = "runs"
    run_name: str | None = None
    cache: str = "runs/.cache"
    verbose: bool = True
    trusted: tuple[str, ...] = ()
    ledger: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in (
            ("seed", 0),
            ("budget", 0),
            ("folds", 2),
            ("repeats", 1),
            ("largest_group", 2),
            ("jobs", 0),
        ):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        among = {"protocol": ("kfold", "in_sample"), "embeddings": ("auto", "none")}
        for name, known in among.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it is one of {', '.join(known)}.")
        if not self.splits or not set(self.splits) <= {"pool", "validation", "test"}:
            raise ConfigError(f"splits are {list(self.splits)}; they are some of pool, validation, test.")
        if not 0 <= self.stop_share < 1 or not 0 < self.threshold <= 1:
            raise ConfigError(f"stop_share ({self.stop_share}) is in [0, 1), threshold ({self.threshold}) in (0, 1].")


@dataclass(frozen=True)
class PlantConfig:
    """`plant` in conf/audit.yaml."""

    share: float = 0.0
    shape: str = "uniform"

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1 or self.shape not in ("uniform", "confusion"):
            raise ConfigError(
                f"plant.share is {self.share} and plant.shape {self.shape!r}; they are in [0, 1), and uniform or confusion."
            )

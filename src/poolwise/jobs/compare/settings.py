"""The settings of a comparison, with their types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from poolwise.core.errors import ConfigError


@dataclass(frozen=True)
class CompareConfig:
    """conf/compare.yaml; what each setting means stands there. What it has in common with an audit is checked as an audit's."""

    data: Any
    model: Any
    trainer: Any
    label_error: Any
    pruning: Any
    tracking: Any
    arms: tuple[str, ...] = ("raw", "pruned")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    preset: str | None = None
    review: int | None = None
    train: tuple[str, ...] = ("pool",)
    test: str = "test"
    drop_leaks: bool = True
    truth: str = "truth"
    plant: Any = field(default_factory=dict)
    folds: int = 5
    repeats: int = 1
    stop_share: float = 0.0
    embeddings: str = "auto"
    threshold: float = 0.9
    jobs: int = 2
    runs: str = "runs"
    run_name: str | None = None
    cache: str = "runs/.cache"
    verbose: bool = True
    trusted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.seeds or min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(f"seeds are {list(self.seeds)}; they are different whole numbers from 0, at least one.")
        if self.preset not in (None, "seedoo"):
            raise ConfigError(f"preset is {self.preset!r}; it is seedoo, or null for none.")
        if self.review is not None and self.review < 0:
            raise ConfigError(f"review is {self.review}; it must be at least 0, or null.")
        if self.test not in ("pool", "validation", "test") or self.test in self.train:
            raise ConfigError(
                f"test is {self.test!r}; it is one of pool, validation, test, and none of train ({list(self.train)})."
            )

"""The settings of a loop, with their types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from poolwise.core.errors import ConfigError
from poolwise.core.parts import construct


@dataclass(frozen=True)
class LoopAudit:
    """`audit` in conf/loop.yaml; what each setting means stands there."""

    every: int = 0
    review: int = 0
    budget: int = 20
    folds: int = 3

    def __post_init__(self) -> None:
        for name, least in (("every", 0), ("review", 0), ("budget", 1), ("folds", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"audit.{name} is {getattr(self, name)}; it must be at least {least}.")
        if self.review and not self.every:
            raise ConfigError(
                "audit.review asks for labels that an audit doubts, and audit.every is 0: set it to 1 or more."
            )


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
    audit: Any = field(default_factory=dict)
    label_error: Any = None
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
        self.loop_audit()
        if self.start not in ("random", "strategy"):
            raise ConfigError(f"start is {self.start!r}; it is random, or strategy (the first batch is chosen too).")

    def loop_audit(self) -> LoopAudit:
        """The settings below `audit`."""
        audit: LoopAudit = construct(LoopAudit, dict(self.audit or {}), "audit")
        return audit

    @property
    def audit_every(self) -> int:
        """Rounds from one audit to the next."""
        return self.loop_audit().every

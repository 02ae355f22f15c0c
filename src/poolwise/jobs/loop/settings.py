"""The settings of a loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge

from poolwise.core.errors import ConfigError
from poolwise.core.parts import construct
from poolwise.core.ranges import Checked, Count, Natural, OneOf
from poolwise.core.settings import setting
from poolwise.jobs.run_folder import LedgerConfig


@dataclass(frozen=True)
class LoopAudit(Checked):
    """Judging labels within a loop."""

    every: Natural = setting(0, "judge the labels gathered so far after every so many rounds; 0: never")
    review: Natural = setting(0, "labels that the last audit doubts, asked again beside each batch; not counted as new")
    budget: Count = setting(20, "labels listed")
    folds: Annotated[int, Ge(2)] = setting(3, "models that judge what they have not learnt")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.review and not self.every:
            raise ConfigError(
                "audit.review asks for labels that an audit doubts, and audit.every is 0: set it to 1 or more."
            )


@dataclass(frozen=True)
class LoopConfig(Checked):
    """All settings of a loop. Parts are checked when they are built."""

    data: Any
    model: Any
    trainer: Any
    query: Any
    annotation: Any
    tracking: Any
    candidates: Any = None
    stopping: Any = None
    label_error: Any = None
    seed: Natural = setting(0, "of everything random in the run")
    seed_size: Natural = setting(20, "labels of round 0, drawn at random")
    query_size: Count = setting(20, "labels a round")
    budget: Count = setting(200, "labels to train on, in all")
    test_size: Natural = setting(0, "further samples of round 0 that become the test set, for data that have none")
    start: Annotated[str, OneOf("auto", "random", "strategy")] = setting(
        "auto", "round 0: random, chosen by the strategy, or auto: by coverage where a network was trained elsewhere"
    )
    stop_set: Count = setting(1000, "pool samples on which stopping rules compare the predictions of two rounds")
    compare_batches: bool = setting(True, "compare each batch with random draws: clusters reached, near-copies, ...")
    audit: Any = setting(LoopAudit, "judging the labels on the way")
    control: bool = setting(True, "in a simulation, also run random drawing from the same start, to compare with")
    runs: str = setting("runs", "folder of all runs")
    cache: str = setting("runs/.cache", "embeddings, for all runs over the same pictures")
    run_name: str | None = setting(None, "null: from the data set, the strategy, the seed and whatever else is set")
    verbose: bool = setting(True, "false: warnings and errors alone")
    trusted: tuple[str, ...] = setting((), "packages of your own from which parts may be built by `_target_`")
    ledger: Any = setting(LedgerConfig, "the record of the run")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.loop_audit()

    def loop_audit(self) -> LoopAudit:
        """Return the settings below `audit`."""
        audit: LoopAudit = construct(LoopAudit, dict(self.audit or {}), "audit")
        return audit

    @property
    def audit_every(self) -> int:
        """Rounds from one audit to the next."""
        return self.loop_audit().every

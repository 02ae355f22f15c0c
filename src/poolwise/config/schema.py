"""The settings at the root of each job's configuration, with their types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from poolwise.config.build import construct
from poolwise.errors import ConfigError


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


@dataclass(frozen=True)
class SampleSizeConfig:
    """conf/samplesize.yaml; what each setting means stands there. Parts are `Any` here and checked when they are built."""

    data: Any
    model: Any
    trainer: Any
    curve: Any
    tracking: Any
    target: float = 0.95
    metric: str | None = None
    class_target: float | None = None
    clean: str | None = None
    points: str | None = None
    higher_is_better: bool = True
    best: float = 1.0
    chance: float | None = None
    unit: str = "images"
    most: float = 4.0
    at: tuple[float, ...] = ()
    shares: tuple[float, ...] = (0.05, 0.1, 0.2, 0.35, 0.5)
    sizes: tuple[int, ...] = ()
    repeats: tuple[int, ...] = (5, 5, 4, 3, 3)
    subsets: str = "disjoint"
    hold: str = "steps"
    steps: int | None = None
    train: tuple[str, ...] = ("pool",)
    test: str = "test"
    seed: int = 0
    jobs: int = 2
    runs: str = "runs"
    run_name: str | None = None
    cache: str = "runs/.cache"
    verbose: bool = True
    trusted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, known in (("subsets", ("disjoint", "nested", "independent")), ("hold", ("steps", "epochs", "model"))):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it is one of {', '.join(known)}.")
        splits = ("pool", "validation", "test")
        if self.test not in splits or not self.train or not set(self.train) <= set(splits) - {self.test}:
            raise ConfigError(
                f"train is {list(self.train)} and test {self.test!r}; they are some of {', '.join(splits)}, none in both."
            )
        self._check_design()
        self._check_scores()

    def _check_design(self) -> None:
        if self.sizes and min(self.sizes) < 2:
            raise ConfigError(f"sizes are {list(self.sizes)}; each is a number of samples, 2 or more.")
        if not self.shares or not 0 < min(self.shares) <= max(self.shares) <= 1:
            raise ConfigError(f"shares are {list(self.shares)}; each lies above 0 and at most at 1.")
        if not self.repeats or min(self.repeats) < 1:
            raise ConfigError(f"repeats are {list(self.repeats)}; each size is trained once or more.")
        for name, least in (("seed", 0), ("jobs", 0), ("steps", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value}; it is at least {least}.")

    def _check_scores(self) -> None:
        if self.points is None and not (self.higher_is_better and self.best == 1.0):
            raise ConfigError(
                "higher_is_better and best are for scores of your own (points=...); what is trained here is known."
            )
        # where lower is better, best=1 (the default) is taken for 0, as in `poolwise.fit_learning_curve`
        best = 0.0 if not self.higher_is_better and self.best == 1.0 else self.best
        beyond = self.target > best if self.higher_is_better else self.target < best
        if beyond:
            hint = " Write 95 % as 0.95, or with points in percent say best=100." if self.higher_is_better else ""
            raise ConfigError(f"target is {self.target:g}, better than a perfect score ({best:g}).{hint}")
        if self.points is None and self.target <= 0:
            raise ConfigError(f"target is {self.target:g}; it is a score above 0 and at most 1, such as 0.95.")
        if self.higher_is_better and best > 1 and 0 <= self.target <= best / 100:
            raise ConfigError(
                f"target is {self.target:g} where a perfect score is {best:g}; write it on the same scale, such as "
                f"{0.95 * best:g}."
            )
        if self.class_target is not None and not 0 < self.class_target <= 1:
            raise ConfigError(f"class_target is {self.class_target:g}; it is a recall, above 0 and at most 1.")
        if self.at and not 0 < min(self.at) <= max(self.at) < float("inf"):
            raise ConfigError(f"at is {list(self.at)}; each is a number of labels, above 0.")
        if not self.most > 1:
            raise ConfigError(f"most is {self.most:g}; the next round ends at more than 1 times the largest size.")

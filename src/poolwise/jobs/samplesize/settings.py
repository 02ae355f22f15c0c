"""The settings of a sample-size experiment, with their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poolwise.core.errors import ConfigError


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


def as_points(word: str) -> str:
    """Return a word of the command line; `data` names a data set, and a CSV file given as such is meant as points.

    >>> as_points("data=mine/points.csv"), as_points("data=digits")
    ('points=mine/points.csv', 'data=digits')
    """
    return f"points={word[5:]}" if word.startswith("data=") and word.lower().endswith(".csv") else word

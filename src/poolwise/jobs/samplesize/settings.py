"""The settings of a sample-size experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval, MinLen

from poolwise.core.errors import ConfigError
from poolwise.core.ranges import Checked, Count, Natural, OneOf, Positive
from poolwise.core.settings import setting
from poolwise.jobs.audit.settings import Splits
from poolwise.metric.curve.design import REPEATS, SHARES


@dataclass(frozen=True)
class SampleSizeConfig(Checked):
    """All settings of a sample-size experiment. Parts are checked when they are built."""

    data: Any = None
    model: Any = None
    trainer: Any = None
    curve: Any = None
    tracking: Any = None
    target: float = setting(0.95, "score to reach")
    metric: str | None = setting(
        None, "that the target is of; null: accuracy, with several classes a sample macro_f1. With points: its name"
    )
    class_target: Annotated[float, Interval(gt=0, le=1)] | None = setting(
        None, "recall that every class is to reach, to see which class binds; null: the same number as target"
    )
    most: Annotated[float, Gt(1)] = setting(4.0, "the next purchase ends at so many times the largest size, at most")
    at: tuple[Positive, ...] = setting(
        (), "numbers of labels to forecast at, e.g. [60000], beside 2, 4 and 8 times the most"
    )
    shares: Annotated[tuple[Annotated[float, Interval(gt=0, le=1)], ...], MinLen(1)] = setting(
        SHARES, "of what is labelled: sizes to train on; end with 1.0 to use all labels"
    )
    sizes: tuple[Annotated[int, Ge(2)], ...] = setting((), "numbers of samples instead of shares")
    repeats: Annotated[tuple[Count, ...], MinLen(1)] = setting(
        REPEATS, "trainings of each size, each on other samples; the last number holds for further sizes"
    )
    subsets: Annotated[str, OneOf("disjoint", "nested", "independent")] = setting(
        "disjoint", "repeats share no sample while they last; nested: smaller ones lie inside larger ones; independent"
    )
    hold: Annotated[str, OneOf("steps", "epochs", "model")] = setting(
        "steps", "the same for every size: optimiser steps, epochs over the subset, or the model's own settings"
    )
    steps: Count | None = setting(None, "with hold=steps: how many; null: as many as the model gives the largest size")
    train: Splits = setting(("pool",), "splits to draw from; classes keep their proportions, no sample is taken twice")
    test: Annotated[str, OneOf("pool", "validation", "test")] = setting(
        "test",
        "split to measure on, the same for all sizes; samples in one group of the data with it are not trained on",
    )
    seed: Natural = setting(0, "of subsets and trainings")
    jobs: Natural = setting(
        2, "models trained at once, each in a process with one thread; 0: one by one, in this process"
    )
    clean: str | None = setting(
        None, "labels after cleaning, to be compared: a table with the columns path and label, or a column of the data"
    )
    points: str | None = setting(None, "CSV file of scores measured elsewhere: columns size, score and, if any, repeat")
    higher_is_better: bool = setting(True, "of points; false for an error or a loss")
    best: float = setting(1.0, "of points: a perfect score; 100 for percent; where lower is better, 1 is taken for 0")
    chance: float | None = setting(None, "of points: score of guessing, to be warned of scores that are no better")
    unit: str = setting("images", "what is labelled, in the plural")
    runs: str = setting("runs", "folder of all runs")
    run_name: str | None = setting(None, "null: from the data set, the model and whatever else shapes the trainings")
    cache: str = setting("runs/.cache", "finished models' probabilities, for other experiments of the same labels")
    verbose: bool = setting(True, "false: warnings and errors alone")
    trusted: tuple[str, ...] = setting((), "packages of your own from which parts may be built by `_target_`")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.test in self.train:
            raise ConfigError(f"train is {list(self.train)} and test {self.test!r}; no split is in both.")
        self._check_scores()

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


def as_points(word: str) -> str:
    """Return a word of the command line; `data` names a data set, and a CSV file given as such is meant as points.

    >>> as_points("data=mine/points.csv"), as_points("data=digits")
    ('points=mine/points.csv', 'data=digits')
    """
    return f"points={word[5:]}" if word.startswith("data=") and word.lower().endswith(".csv") else word

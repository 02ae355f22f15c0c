"""The settings of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from poolwise.core.errors import ConfigError
from poolwise.core.parts import construct
from poolwise.core.ranges import BelowOne, Checked, Count, Natural, OneOf
from poolwise.core.settings import setting
from poolwise.jobs.audit.settings import Cosine, Embeddings, Folds, PlantConfig, Splits
from poolwise.jobs.benchmark.settings import check_seeds

SEEDOO = "seedoo"
"""The four experiments of SeeDoo's post: cleaned and raw training sets on cleaned and raw validation sets."""
ALL_ARMS = ("raw", "pruned", "relabelled", "reviewed", "random_pruned", "truth")


@dataclass(frozen=True)
class ComparePlant(PlantConfig):
    """Errors planted on purpose."""

    test: bool = setting(True, "also in the raw test set, as errors do not keep to the training part; false: not there")


@dataclass(frozen=True)
class CompareConfig(Checked):
    """All settings of a comparison. Parts are checked when they are built."""

    data: Any = None
    model: Any = None
    trainer: Any = None
    label_error: Any = None
    pruning: Any = None
    tracking: Any = None
    arms: tuple[str, ...] = setting(ALL_ARMS, "versions of the training labels; raw is always among them")
    seeds: tuple[int, ...] = setting((0, 1, 2, 3, 4), "of noise, folds, training; every difference is paired by seed")
    preset: Annotated[str | None, OneOf(None, SEEDOO)] = setting(
        None, "seedoo: also a test set cleaned by the same rule, and the experiments A to D of SeeDoo's post"
    )
    review: Natural | None = setting(
        None, "labels of the list that get their true label in the arm `reviewed`; null: as many as pruned removes"
    )
    train: Splits = setting(("pool",), "training part; detection happens inside it alone")
    test: Annotated[str, OneOf("pool", "validation", "test")] = setting(
        "test", "split to measure on; nothing of it is ever trained on"
    )
    drop_leaks: bool = setting(
        True, "leave training samples that are near-copies of test samples out; false: count them"
    )
    truth: str = setting(
        "truth", "column with labels from a separate source: people, an oracle; not the cleaning model"
    )
    plant: Any = setting(ComparePlant, "errors planted on purpose; the truth is then known")
    folds: Folds = setting(5, "models by which the detector judges each seed's labels, each those it has not learnt")
    repeats: Count = setting(1, "partitions, with other seeds, whose probabilities are averaged")
    stop_share: BelowOne = setting(
        0.0, "of what a fold's model learns, held back for early stopping; the model needs patience"
    )
    embeddings: Embeddings = setting("auto", "auto: of trained weights, else of patches learnt here; none")
    threshold: Cosine = setting(0.9, "cosine from which two pictures may be near-copies; their pixels must agree too")
    jobs: Natural = setting(
        2, "models trained at once, each in a process with one thread; 0: one by one, in this process"
    )
    runs: str = setting("runs", "folder of all runs")
    run_name: str | None = setting(None, "null: from the data set, the pruning and whatever else is set")
    cache: str = setting("runs/.cache", "finished models' probabilities and embeddings, for other comparisons")
    verbose: bool = setting(True, "false: warnings and errors alone")
    trusted: tuple[str, ...] = setting((), "packages of your own from which parts may be built by `_target_`")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seeds(self.seeds)
        if self.test in self.train:
            raise ConfigError(
                f"test is {self.test!r}, which is also in train ({list(self.train)}); it must be another."
            )
        _ = self.planted

    @property
    def planted(self) -> ComparePlant:
        """The settings below `plant`."""
        plant: ComparePlant = construct(ComparePlant, dict(self.plant or {}), "plant")
        return plant

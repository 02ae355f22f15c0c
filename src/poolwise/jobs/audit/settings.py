"""The settings of an audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Interval, MinLen

from poolwise.core.parts import construct
from poolwise.core.ranges import BelowOne, Checked, Count, Natural, OneOf
from poolwise.core.settings import setting
from poolwise.jobs.audit.out_of_sample import Protocol
from poolwise.jobs.run_folder import LedgerConfig

Splits = Annotated[tuple[Annotated[str, OneOf("pool", "validation", "test")], ...], MinLen(1)]
Folds = Annotated[int, Ge(2)]
Cosine = Annotated[float, Interval(gt=0, le=1)]
Embeddings = Annotated[str, OneOf("auto", "none")]


@dataclass(frozen=True)
class PlantConfig(Checked):
    """Errors planted on purpose."""

    share: BelowOne = setting(0.0, "of the labels changed on purpose, to see how many of them are found")
    shape: Annotated[str, OneOf("uniform", "confusion")] = setting(
        "uniform", "uniform: to any class; confusion: to those that the model confuses"
    )


@dataclass(frozen=True)
class AuditConfig(Checked):
    """All settings of an audit. Parts are checked when they are built."""

    data: Any = None
    model: Any = None
    trainer: Any = None
    label_error: Any = None
    annotation: Any = None
    tracking: Any = None
    also: Any = setting({}, "further learners whose probabilities are averaged: +model@also.second=linear_head")
    seed: Natural = setting(0, "of everything random in the audit")
    budget: Natural = setting(200, "labels to look at again, the most suspicious first")
    splits: Splits = setting(("pool",), "whose labels are judged: pool, validation, test")
    protocol: Annotated[str, OneOf("kfold", "in_sample")] = setting(
        "kfold", "kfold: models judge labels that they have not learnt; in_sample: one model learns all (labelfix)"
    )
    folds: Folds = setting(5, "models of a partition")
    repeats: Count = setting(1, "partitions, with other seeds, whose probabilities are averaged")
    stop_share: BelowOne = setting(
        0.0, "of what is learnt, held back for early stopping; the model needs patience for it"
    )
    predictions: str | None = setting(
        None, "your own model's out-of-sample probabilities: .csv, .jsonl, .parquet, .npz, .json (COCO results)"
    )
    embeddings: Embeddings = setting("auto", "auto: of trained weights, else of patches learnt here; none")
    threshold: Cosine = setting(0.9, "cosine from which two pictures may be near-copies; their pixels must agree too")
    largest_group: Folds = setting(50, "samples that a group of near-copies may have; above, equal pixels alone count")
    jobs: Natural = setting(
        2, "models trained at once, each in a process with one thread; 0: one by one, in this process"
    )
    truth: str = setting("truth", "column of the data with true labels, where they are known: they score the list")
    plant: Any = setting(PlantConfig, "errors planted before the audit")
    runs: str = setting("runs", "folder of all runs")
    run_name: str | None = setting(None, "null: from the data set, the detector, the seed and whatever else is set")
    cache: str = setting(
        "runs/.cache", "finished models' probabilities and embeddings, for other audits of the same labels"
    )
    verbose: bool = setting(True, "false: warnings and errors alone")
    trusted: tuple[str, ...] = setting((), "packages of your own from which parts may be built by `_target_`")
    ledger: Any = setting(LedgerConfig, "the record of the audit")

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.planted

    @property
    def planted(self) -> PlantConfig:
        """The settings below `plant`."""
        plant: PlantConfig = construct(PlantConfig, dict(self.plant or {}), "plant")
        return plant

    @property
    def partitions(self) -> Protocol:
        """Return how samples come to be scored."""
        return Protocol(0 if self.protocol == "in_sample" else self.folds, self.repeats, self.stop_share, self.seed)

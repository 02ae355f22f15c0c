"""The records that pass between rooms. Standard library and numpy only.

Axes: N pool rows, L labelled, B query size, C classes, K stochastic draws, D embedding width, M clusters. An array with
three or more axes carries them in its name (`log_probs_nkc`). Classes are numbered in the order of `Manifest.classes`.

How labels are written down is in `labels.py`, whose words are to be had here too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError
from poolwise.core.labels import Label as Label
from poolwise.core.labels import Labels as Labels
from poolwise.core.labels import Task as Task
from poolwise.core.labels import decode as decode
from poolwise.core.labels import encode as encode
from poolwise.core.labels import is_known as is_known
from poolwise.core.labels import label_text as label_text

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


class Split(str, Enum):
    """What a sample is for: only the pool is ever queried or trained on."""

    POOL = "pool"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True)
class PictureForm:
    """How a network wants pictures that are larger than it needs.

    Attributes:
        side: pixels a side.
        share: of the shorter side, the part that is kept around the middle.
        bicubic: interpolation; else bilinear.
    """

    side: int
    share: float = 1.0
    bicubic: bool = False


class Augmentation(str, Enum):
    """What may be done to a training picture without changing its label."""

    NONE = "none"
    SHIFT = "shift"
    SHIFT_FLIP = "shift_flip"


class WarmStart(str, Enum):
    """Where a round's weights come from: anew, the last round's, or the last round's shrunk and perturbed."""

    FRESH = "fresh"
    CONTINUE = "continue"
    SHRINK_PERTURB = "shrink_perturb"


class Need(Flag):
    """What a strategy or detector (GROUPS, MARGINS) needs. DRAWS, ROUNDS: `log_probs_nkc` of K passes; of K rounds' models."""

    NOTHING = 0
    PROBS = auto()
    EMBEDDINGS = auto()
    LABELLED_EMBEDDINGS = auto()
    DRAWS = auto()
    HEAD = auto()
    ROUNDS = auto()
    GROUPS = auto()
    MARGINS = auto()


@dataclass(frozen=True, eq=False)
class Manifest:
    """What is known of every sample before the run; `sample_id` is the position in it.

    Attributes:
        name: of the data set.
        paths: (N,) distinct, sorted; a file path relative to the data root, or a key such as "test/00042".
        splits: (N,) `Split` values as str.
        classes: (C,) distinct class names.
        task: multi-class or multi-label.
        labels: given labels, as the module says. In a simulation the labels of the pool are NOT here.
        groups: (N,) names of things pictured several times, "" for none; None if the data have no such column.
        truth: SHA-256 over labels that are hidden, so that a change among them is noticed; "" where none is.
        columns: name -> (N,) further values of each sample (a cost, a place, ...), numbers or str.
        contents: SHA-256 over the content of the pictures (or over file names and sizes, for large sets).

    Raises:
        DataError: a column has not one value a sample.
    """

    name: str
    paths: tuple[str, ...]
    splits: NDArray[np.str_]
    classes: tuple[str, ...]
    task: Task
    labels: Labels
    groups: NDArray[np.str_] | None = None
    contents: str = ""
    truth: str = ""
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, column in self.columns.items():
            if len(column) != len(self.paths):
                raise DataError(
                    f"{self.name}: column {name!r} has {len(column)} values for {len(self.paths)} samples; "
                    "a column has one value a sample, in the order of the paths."
                )

    def __len__(self) -> int:
        return len(self.paths)

    def ids(self, split: Split) -> Ids:
        """Return sample ids of one split, ascending."""
        return np.flatnonzero(self.splits == split.value).astype(np.int64)

    def known(self) -> NDArray[np.bool_]:
        """Return (N,) whether a label is given."""
        return is_known(self.labels)

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each part, so that a change can be named.

        The given labels are part of it: the same pictures with other labels are other data.
        """
        parts: dict[str, bytes] = {
            "paths": "\n".join(self.paths).encode(),
            "pictures": self.contents.encode(),
            "splits": "\n".join(self.splits.tolist()).encode(),
            "classes": "\n".join(self.classes).encode() + self.task.value.encode(),
            "labels": np.ascontiguousarray(self.labels).astype("<i8").tobytes() + self.truth.encode(),
            "groups": b"" if self.groups is None else "\n".join(self.groups.tolist()).encode(),
        }
        if self.columns:
            rows = [f"{name}={column.tolist()}" for name, column in sorted(self.columns.items())]
            parts["columns"] = "\n".join(rows).encode()
        return {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}

    def digest(self) -> str:
        """Return one SHA-256 over all parts."""
        return hashlib.sha256("".join(self.digests().values()).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Samples to train or measure on: ids (L,) and labels (L,) or (L, C), all known."""

    ids: Ids
    labels: Labels

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Head:
    """A model's last layer: logits = embeddings @ weights.T + bias, with weights (C, D) and bias (C,), float32."""

    weights: Floats
    bias: Floats


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says of some samples.

    Attributes:
        ids: (N,) sample ids.
        probs: (N, C) float32; multi-class rows sum to 1, multi-label entries are independent. None if not asked for.
        embeddings: (N, D) float32 penultimate features, or None.
        log_probs_nkc: (N, K, C) log-probabilities of K stochastic draws with masks shared by all rows, or None.
        head: the last layer, which turns these embeddings into these probabilities, or None.
    """

    ids: Ids
    probs: Floats | None = None
    embeddings: Floats | None = None
    log_probs_nkc: Floats | None = None
    head: Head | None = None


@dataclass(frozen=True, eq=False)
class PoolView:
    """What a query strategy sees: arrays alone, rows in ascending order of id.

    `ids` (N,) are the candidates. `labelled_ids` (L,) and `labels` are what has been answered so far. The other
    arrays are there when the strategy declared the need; `probs` and `embeddings` rows belong to `ids`,
    `labelled_embeddings` (L, D) rows to `labelled_ids`.

    Two are there whenever they are known: `forecasts` (L, C), what the model said of each labelled sample before its
    label was known, a row of NaN where it was not asked; and `columns`, (N,) values a candidate each, such as a cost.
    """

    ids: Ids
    task: Task = Task.MULTICLASS
    probs: Floats | None = None
    embeddings: Floats | None = None
    log_probs_nkc: Floats | None = None
    labelled_ids: Ids = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    labels: Labels | None = None
    labelled_embeddings: Floats | None = None
    head: Head | None = None
    forecasts: Floats | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Query:
    """What to ask next, best first.

    Attributes:
        ids: (B,) distinct candidate ids.
        scores: (B,) float32 acquisition scores, higher was wanted more.
        reasons: columns of (B,) values that explain each pick; the column "reason" is a sentence for people.
    """

    ids: Ids
    scores: Floats
    reasons: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Ask:
    """One sample of a batch, as it goes to the annotator.

    `suggestion` is what the model would answer (never taken as a label), `probability` how sure it is.
    """

    sample_id: int
    path: str
    suggestion: Label = None
    probability: float | None = None
    score: float | None = None
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else is known of the pick: its cluster, its nearest labelled sample, ..., as plain values."""


@dataclass(frozen=True)
class Batch:
    """A round's samples to be annotated."""

    round: int
    asks: tuple[Ask, ...]
    classes: tuple[str, ...]
    task: Task
    folder: Path
    """The run's folder: annotators that exchange files write below it."""
    answered: Mapping[int, Annotation] = field(default_factory=dict, compare=False, repr=False)
    """The latest annotation of each sample: an annotator may leave out answers that are no later."""

    def ids(self) -> list[int]:
        """Return sample ids in the order asked."""
        return [ask.sample_id for ask in self.asks]


@dataclass(frozen=True)
class Answer:
    """One answer to one ask. `label` None means skipped: this sample is not to be asked again.

    `removed`: and a label that it has is to be dropped. `at`: when it was given, UTC in ISO 8601, "" for just now; one
    that is older than what stands is no news.
    """

    sample_id: int
    label: Label
    annotator: str
    removed: bool = False
    at: str = ""


@dataclass(frozen=True)
class Annotation:
    """One row of the ledger's label table: facts, never changed; a correction is a later row."""

    sample_id: int
    label: Label
    annotator: str
    round: int
    source: str
    """Where it came from: "oracle", "csv", "given", ..."""
    at: str
    """UTC, ISO 8601."""


@dataclass(frozen=True)
class RoundRecord:
    """All that is known of one finished round; what reports and trackers are told. `skipped` counts this round's.

    `metrics` are on the held-out set, after training on `labelled` samples that include this round's batch.
    `confusion` rows are true classes, columns predicted ones; None for multi-label tasks or without a held-out set.
    """

    round: int
    labelled: int
    skipped: int
    asks: tuple[Ask, ...]
    labels: tuple[Label, ...]
    """What was answered, row by row of `asks`."""
    metrics: Mapping[str, float]
    per_class: Mapping[str, Mapping[str, float]]
    confusion: tuple[tuple[int, ...], ...] | None
    fit: Mapping[str, float]
    seconds: Mapping[str, float]
    labels_digest: str
    """SHA-256 over the ids and labels that the round's model was trained on."""
    held_out: frozenset[int] = frozenset()
    """Ids among `asks` that were asked for the test set."""
    pool: Mapping[str, float] = field(default_factory=dict)
    """Facts of the pool and the batch, those that were asked for: `kappa` and `changed` (agreement with the last round's
    predictions on the stop set), `uncertainty` (mean entropy there over its largest value), `farthest` (distance of the
    candidate farthest from all labelled ones when the batch was chosen), `cost` (of the answers),
    `slice_accuracy` (how often the model was right about the random slice before it learnt it) of `slice_asked`."""
    beside_random: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The batch beside random draws of its size: measure -> value, random, low, high; see `metric.coverage`."""
    outlook: Mapping[str, float] = field(default_factory=dict)
    """What the next batch is expected to bring: `labels`, `score`, `low`, `high`, `gain`; see `metric/curve/outlook.py`."""
    audit: Mapping[str, float] = field(default_factory=dict)
    """What an audit of the labels came to, where there was one after this round; see `jobs/audit/results.py`."""


@dataclass(frozen=True)
class TrialRecord:
    """One of several trainings of a run, to be looked at beside the others: its name, what it differs in, what came of it."""

    name: str
    settings: Mapping[str, str | int]
    results: Mapping[str, float]


@dataclass(frozen=True)
class RunRecord:
    """One run as the ledger tells it; a strategy and its random control are two runs."""

    name: str
    """Unique name; a control is called "<name>/control"."""
    strategy: str
    folder: Path
    config: Mapping[str, Any]
    """The whole resolved configuration."""
    command: str
    """What a person types to repeat it."""
    metric: str
    """Name of the headline metric in `RoundRecord.metrics`."""
    data: Mapping[str, Any]
    """name, digest, task, classes, sizes of the splits."""
    rounds: tuple[RoundRecord, ...]
    status: str
    """"running", "parked" or "stopped"."""
    stop_reason: str
    unreadable: tuple[tuple[str, str], ...] = ()
    """(path, why) of pictures that were left out."""
    message: str = ""
    """What people are asked to do next, while the run is parked."""
    regret: Mapping[str, float] = field(default_factory=dict)
    """Accuracy with drawn labels less that with chosen ones, where there are a random slice and a held-out set; see
    `jobs/loop/slice.py`."""
    job: str = "loop"
    """Which command's run it is: "loop", "audit", "compare" or "samplesize"."""
    results: Mapping[str, float] = field(default_factory=dict)
    """Numbers of the run as a whole."""
    tables: tuple[str, ...] = ()
    """Those of the files sent with it that are tables (JSON, pandas' "split" form)."""
    note: str = ""
    """The answer in a sentence; "" where the rounds tell it."""
    trials: tuple[TrialRecord, ...] = ()
    """Trainings that the run compares, where it has no rounds."""

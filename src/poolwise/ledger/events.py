"""Events: facts in the past tense, one frozen record a kind, and how their JSON bodies of every age are read.

A body holds the fields of its record. A field that came later has a default, which is what earlier bodies meant; any other
change of a record gives it a new version, and `UPGRADES` the step from the version before.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError

from poolwise.core.errors import LedgerError
from poolwise.core.types import Annotation, Ask, Label

Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Fact:
    """What happened; the name of the record is the kind of the event."""

    version: ClassVar[int] = 1


@dataclass(frozen=True)
class RunOpened(Fact):
    """A run began, with these settings and these data."""

    config: Mapping[str, Any]
    command: str
    cwd: str
    strategy: str
    metric: str
    digests: Mapping[str, str]
    data: Mapping[str, Any]
    """What reports and trackers show of the data; see `jobs/samples.py`."""
    unreadable: tuple[tuple[int, str, str], ...] = ()
    """(sample_id, path, why) of pictures that cannot be read."""
    left_out: tuple[int, ...] = ()
    """Ids that nobody can answer, in a simulation."""
    job: str = "loop"

    @property
    def broken(self) -> tuple[int, ...]:
        """Ids of the pictures that cannot be read."""
        return tuple(sample_id for sample_id, _, _ in self.unreadable)


@dataclass(frozen=True)
class SettingsChanged(Fact):
    """Settings that do not touch what is done were changed on resume."""

    config: Mapping[str, Any]
    command: str


@dataclass(frozen=True)
class BatchQueried(Fact):
    """A batch was chosen."""

    asks: tuple[Ask, ...]
    holdout: tuple[int, ...] = ()
    """Ids asked for the test set."""
    seconds: Numbers = field(default_factory=dict)
    pool: Numbers = field(default_factory=dict)
    """Facts known when the batch was asked for."""
    beside_random: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    forecasts: str = ""
    """Blob with the (B, C) probabilities of the batch when it was asked for; "" where no model was asked."""
    reviews: tuple[Ask, ...] = ()
    """Labels of earlier rounds that an audit has doubts about: asked again, beside the batch."""


@dataclass(frozen=True)
class BatchEmitted(Fact):
    """The batch was handed to the annotator."""

    message: str


@dataclass(frozen=True)
class LabelsReceived(Fact):
    """Answers came; the labels themselves are rows of the annotation table, written in the same transaction."""

    count: int
    source: str


@dataclass(frozen=True)
class BatchClosed(Fact):
    """The batch counts as answered."""

    answered: int
    skipped: int
    missing: tuple[int, ...] = ()
    labels: tuple[Label, ...] = ()
    """Row by row of the asks, as they were then; later corrections are in the annotations alone."""
    reviewed: tuple[Label, ...] = ()
    """Likewise of the reviews."""
    pool: Numbers = field(default_factory=dict)
    """What the answers cost."""


@dataclass(frozen=True)
class ModelTrained(Fact):
    """The round's model was trained."""

    checkpoint: str
    """Blob."""
    fit: Numbers
    labelled: int
    labels_digest: str
    seconds: Numbers = field(default_factory=dict)


@dataclass(frozen=True)
class HoldoutMeasured(Fact):
    """The round's model was measured; with this the round is done."""

    metrics: Numbers
    per_class: Mapping[str, Numbers] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] | None = None
    outlook: Numbers = field(default_factory=dict)
    pool: Numbers = field(default_factory=dict)
    """Facts that stopping rules look at."""
    stop_set: str = ""
    """Blob with the predictions on the stop set."""
    seconds: Numbers = field(default_factory=dict)


@dataclass(frozen=True)
class LabelsAudited(Fact):
    """Labels were judged; an audit that had too few of them has messages alone."""

    version: ClassVar[int] = 2

    results: Numbers
    messages: tuple[str, ...]
    tables: str = ""
    """Blob with the lists of label issues, near-copies, ... (JSON)."""
    found: str = ""
    """Blob with what was found of every label (npz)."""
    estimates: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    """Estimate -> wrong labels, with the ends of the interval."""
    not_judged: tuple[str, ...] = ()
    expected: tuple[float, ...] = ()
    """Wrong labels to be expected among the first 1, 2, ... of the list."""
    seconds: Numbers = field(default_factory=dict)


@dataclass(frozen=True)
class RunParked(Fact):
    """The run waits for people."""

    message: str


@dataclass(frozen=True)
class RunStopped(Fact):
    """The run is over."""

    reason: str
    regret: Numbers = field(default_factory=dict)


KINDS: Mapping[str, type[Fact]] = MappingProxyType({each.__name__: each for each in Fact.__subclasses__()})

UPGRADES: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = MappingProxyType({
    ("LabelsAudited", 1): lambda body: {"messages": body["told"], **body},
})  # fmt: skip
"""(kind, version) of a body -> the body of the next version."""


@dataclass(frozen=True)
class NewEvent:
    """An event to append, with the annotations that it brings."""

    round: int
    fact: Fact
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True)
class Event(NewEvent):
    """One event of one run; an event that is read back is without its annotations, which have a table of their own.

    `seq` counts the run's events from 0; `at` is UTC in ISO 8601.
    """

    seq: int = 0
    at: str = ""


def body_of(fact: Fact) -> dict[str, Any]:
    """Return what the database keeps of a fact. Raises ValueError: it holds NaN or infinity."""
    body: dict[str, Any] = json.loads(json.dumps(asdict(fact), allow_nan=False))
    return body


def fact_from(kind: str, version: int, body: Any) -> Fact:
    """Return the fact of a body of any version.

    Raises:
        LedgerError: its version is newer than this program knows.
        KeyError, TypeError: the body is none that poolwise writes.
    """
    newest = KINDS[kind].version
    if version > newest:
        raise LedgerError(
            f"an event {kind} has version {version}, this program reads up to {newest}; install a newer poolwise."
        )
    for older in range(version, newest):
        body = UPGRADES[kind, older](body)
    try:
        return _adapter(kind).validate_json(json.dumps(body), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise TypeError(f"{kind}.{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


@functools.cache
def _adapter(kind: str) -> TypeAdapter[Fact]:
    return TypeAdapter(KINDS[kind])

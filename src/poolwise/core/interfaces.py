"""The doors, in the order in which a round goes through them. Parts arrive by the dotted name in a yaml.

A part needs no base class: it is a frozen dataclass of plain fields (its own configuration schema) with these methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import (
    Answer,
    Augmentation,
    Batch,
    Ids,
    LabelledSet,
    Labels,
    Manifest,
    Need,
    PoolView,
    Predictions,
    Query,
    RoundRecord,
    RunRecord,
)

Progress = Callable[[str, int, int], None]
"""progress(what, done, total): called now and then during long work; total 0 if unknown."""


@runtime_checkable
class ImageSource(Protocol):
    """Pictures by sample id, all of one shape, and what is known of them."""

    @property
    def manifest(self) -> Manifest:
        """What is known before the run, without the labels of the pool where they are hidden."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every picture that `read` returns."""

    @property
    def augmentation(self) -> Augmentation:
        """What may be done to these pictures in training."""

    @property
    def in_memory(self) -> bool:
        """Whether `read` costs a copy (True) or decoding from disk (False: read ahead, in threads)."""

    def read(self, ids: Ids) -> NDArray[np.uint8]:
        """(n, channels, height, width) pictures. Raises UnreadableImages naming the files."""

    def file(self, sample_id: int) -> Path | None:
        """The picture's own file, or None where there is none (an embedded or packed data set)."""

    def unreadable(self, progress: Progress | None = None) -> list[tuple[int, str]]:
        """Decode every picture once; (sample_id, why) of those that cannot be."""


@runtime_checkable
class HiddenLabels(Protocol):
    """A source that knows the answers. Only `annotation/oracle.py` may hold one; see `core/parts.py`."""

    def hidden_labels(self) -> Labels:
        """(N,) or (N, C) true labels of every sample, unknown where the data do not say."""


class FittedModel(Protocol):
    """A trained network."""

    @property
    def info(self) -> dict[str, float]:
        """Facts of its training: steps, epochs, loss, ..."""

    def predict(
        self, images: ImageSource, ids: Ids, needs: Need, *, seed: int, progress: Progress | None = None
    ) -> Predictions:
        """Score samples in eval mode. Raises TrainingDiverged on NaN."""

    def save(self, path: Path) -> None:
        """Write all that `Learner.load` needs, atomically."""

    def exported(self) -> Any:
        """A torch.nn.Module in eval mode on the CPU: uint8 or float images (n, C, H, W) in 0..255 to (n, C) probs."""


class Learner(Protocol):
    """Trains a network on labelled samples."""

    def fit(
        self,
        images: ImageSource,
        train: LabelledSet,
        validation: LabelledSet | None,
        *,
        seed: int,
        previous: FittedModel | None = None,
        progress: Progress | None = None,
    ) -> FittedModel:
        """Train. Same arguments, same weights. `previous` is last round's model, for warm starts."""

    def load(self, path: Path, images: ImageSource) -> FittedModel:
        """The model that `FittedModel.save` wrote."""


@runtime_checkable
class QueryStrategy(Protocol):
    """Chooses what to ask next, from arrays alone."""

    @property
    def needs(self) -> Need:
        """What it wants computed; a class attribute will do."""

    def select(self, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Exactly `size` distinct ids of the view. Raises PoolExhausted, InvalidArray."""


@runtime_checkable
class Annotator(Protocol):
    """Who answers. `emit` and `collect` may be repeated at will: a person may take a week."""

    simulated: ClassVar[bool]
    source: ClassVar[str]
    """Short name under which the ledger keeps where a label came from."""

    def emit(self, batch: Batch, images: ImageSource) -> str:
        """Publish the batch; a line for the user that says what to do next ("" if nothing). Safe to repeat."""

    def collect(self, batch: Batch) -> Sequence[Answer]:
        """All answers given so far. Raises AnnotationError."""


@runtime_checkable
class StoppingRule(Protocol):
    """When to stop asking."""

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Why to stop now, in words; "" to go on. `pool_left` counts samples that could still be asked."""


@runtime_checkable
class Tracker(Protocol):
    """Is told how runs went. Whatever it is told may be told again."""

    def sync(
        self,
        run: RunRecord,
        *,
        model: Callable[[], FittedModel] | None = None,
        files: Mapping[str, Path] = MappingProxyType({}),
        round_figures: Callable[[RoundRecord], Mapping[str, bytes]] | None = None,
    ) -> bool:
        """Send what is new of a run; True when nothing is left to send.

        Never raises for an outage and never blocks long: what could not be sent is sent by a later call.

        Args:
            run: the run as the ledger tells it.
            model: gives the run's last model, to be logged when the run has stopped.
            files: name in the tracker -> file, to be attached to the run when it has stopped (report, summary, curve).
            round_figures: file name -> PNG bytes of one round (its confusion matrix).
        """


@runtime_checkable
class SaysWhy(Protocol):
    """A tracker that also says why it could not be told all."""

    def why(self) -> str:
        """A sentence without its full stop on the last `sync`; "" if nothing was left to send."""


class Display(Protocol):
    """Shows a person how it goes."""

    def say(self, line: str) -> None:
        """A line that should be read."""

    def warn(self, line: str) -> None:
        """A line that should worry."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Long work moves on; see `interfaces.Progress`."""

    def round_done(self, run: RunRecord, budget: int | None) -> None:
        """A round was measured."""

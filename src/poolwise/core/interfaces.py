"""All that the loop asks of its parts, in the order of a round. Parts arrive by the dotted name in a yaml.

A part is a frozen dataclass of plain fields (its own configuration schema) that answers to one of these protocols. Members
marked `@hook` are optional and have a default; the others must be there. A part of poolwise derives from its protocol and so
inherits the defaults. A part of the user's own need not: `with_defaults` gives its class those that it leaves out, when
`build_part` builds it. So whoever is handed a part may call every member, and nobody asks with `getattr`, `hasattr` or
`isinstance` whether it is there (`tests/architecture/test_hooks.py`). The protocols of detectors, pruning strategies and
curves stand in the rooms of the records that they take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from poolwise.core.errors import ConfigError
from poolwise.core.types import (
    Answer,
    Augmentation,
    Batch,
    Floats,
    Ids,
    LabelledSet,
    Labels,
    Manifest,
    Need,
    PictureForm,
    PoolView,
    Predictions,
    Query,
    RoundRecord,
    RunRecord,
    Task,
)
from poolwise.core.voting import Vote

Progress = Callable[[str, int, int], None]
"""progress(what, done, total): called now and then during long work; total 0 if unknown."""
Part = TypeVar("Part")
Member = TypeVar("Member", bound=Callable[..., Any])


def hook(member: Member) -> Member:
    """Mark a member of a protocol as optional: its body is the default."""
    member.__dict__["optional"] = True
    return member


def hooks_of(protocol: type) -> dict[str, Any]:
    """Return name -> default, a function or a property, of the optional members of a protocol."""
    members = {name: member for each in reversed(protocol.__mro__) for name, member in vars(each).items()}
    return {name: member for name, member in members.items() if _is_optional(member)}


def with_defaults(part: Part, protocol: type) -> Part:
    """Give the class of a part the default of every hook that the part does not have; return the part."""
    for name, default in hooks_of(protocol).items():
        if not hasattr(part, name):
            setattr(type(part), name, default)
    return part


def _is_optional(member: Any) -> bool:
    return "optional" in getattr(_getter(member) if isinstance(member, property) else member, "__dict__", ())


def _getter(member: property) -> Callable[[Any], Any]:
    assert member.fget is not None
    return member.fget


@runtime_checkable
class ImageSource(Protocol):
    """Pictures by sample id, all of one shape, and what is known of them.

    For simulations it is a dataclass with a field `hide_labels`, under which the labels of the pool are unknown.
    """

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
        """Return (n, channels, height, width) pictures. Raises UnreadableImages naming the files."""

    def file(self, sample_id: int) -> Path | None:
        """Return the picture's own file, or None where there is none (an embedded or packed data set)."""

    def unreadable(self, progress: Progress | None = None) -> list[tuple[int, str]]:
        """Decode every picture once; return (sample_id, why) of those that cannot be."""

    @hook
    def transformed(self, form: PictureForm) -> ImageSource:
        """Return the same pictures as a model wants them, where their own size leaves that open."""
        return self

    @property
    @hook
    def max_unreadable(self) -> float:
        """Share of pictures that may be unreadable before a run refuses to start."""
        return 0.0

    @hook
    def place(self, sample_id: int) -> str | None:
        """Return where a picture lies, a path with the box behind it for a part of a file; None for packed data."""
        return None

    @property
    @hook
    def numbers(self) -> tuple[Mapping[Any, str], Mapping[Any, str]]:
        """Picture number -> path and class number -> name, as the data's own file counts them."""
        return {}, {}

    @hook
    def hidden_labels(self) -> Labels:
        """Return (N,) or (N, C) true labels of every sample, unknown where the data do not say.

        For simulated annotators alone; see `Annotator.knowing`.

        Raises:
            ConfigError: the source has none.
        """
        raise ConfigError(f"{type(self).__name__} knows no hidden labels, so nobody can simulate answers from it.")


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
        """Return a torch.nn.Module in eval mode on the CPU: images (n, C, H, W) in 0..255 to (n, C) probs."""


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
        """Return the model that `FittedModel.save` wrote."""

    @hook
    def choice(self, images: ImageSource) -> tuple[str, str]:
        """Return which of its options holds the learner for these pictures ("": itself), and why ("": there is no choice)."""
        return "", ""

    @property
    @hook
    def transform(self) -> PictureForm | None:
        """How it wants pictures that have more detail than it needs; None: as they are."""
        return None

    @hook
    def keeping(self, folder: Path) -> Self:
        """Return the learner that keeps embeddings in a folder of stores, where it has embeddings and no folder yet."""
        return self

    @property
    @hook
    def needs_previous(self) -> bool:
        """Whether `fit` makes use of the last round's model."""
        return True

    @hook
    def embed(self, images: ImageSource, ids: Ids, progress: Progress | None = None) -> Floats | None:
        """Return (n, D) embeddings before the first label; None where there are no weights trained elsewhere."""
        return None

    @property
    @hook
    def embeds(self) -> bool:
        """Whether `embed` has weights trained elsewhere; it is asked before anything is computed."""
        return type(self).embed is not Learner.embed

    @hook
    def margins(self, images: ImageSource, train: LabelledSet, *, seed: int) -> NDArray[np.float64] | None:
        """Return (L,) the mean margin of each given label during a training on all of them; None if that cannot be told."""
        return None


@runtime_checkable
class QueryStrategy(Protocol):
    """Chooses what to ask next, from arrays alone."""

    @property
    def needs(self) -> Need:
        """What it wants computed; a class attribute will do."""

    def select(self, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Return exactly `size` distinct ids of the view. Raises PoolExhausted, InvalidArray."""

    @property
    @hook
    def tasks(self) -> tuple[Task, ...]:
        """Tasks for which it is defined; a class attribute will do."""
        return tuple(Task)

    @property
    @hook
    def rounds(self) -> int:
        """Of how many of the last rounds it looks at the models, where it needs `Need.ROUNDS`."""
        return 1

    @property
    @hook
    def beyond_arrays(self) -> bool:
        """Whether it trains models or asks, so that it is not to be tried out on made-up samples."""
        return False


@runtime_checkable
class Annotator(Protocol):
    """Who answers. `emit` and `collect` may be repeated at will: a person may take a week."""

    simulated: ClassVar[bool]
    source: ClassVar[str]
    """Short name under which the ledger keeps where a label came from."""

    def emit(self, batch: Batch, images: ImageSource) -> str:
        """Publish the batch; return a line for the user that says what to do next ("" if nothing). Safe to repeat."""

    def collect(self, batch: Batch) -> Sequence[Answer]:
        """Return all answers so far. Raises AnnotationError."""

    @property
    @hook
    def partial(self) -> str:
        """What to do with a batch that is answered in part: "wait" for the rest, or "train" with the answers there are."""
        return "wait"

    @property
    @hook
    def annotator(self) -> str:
        """The name under which answers are recorded where their file does not say who; "" for the name of the format."""
        return ""

    @hook
    def knowing(self, source: ImageSource) -> Self:
        """Return the annotator that answers from `source.hidden_labels()`; asked of those that are `simulated`."""
        return self

    @hook
    def reading(self, votes: Callable[[], Sequence[Vote]]) -> Self:
        """Return the annotator that answers from the run's votes, where it does."""
        return self

    @hook
    def page_settings(self) -> Mapping[str, Any]:
        """Return the settings of the page that it was configured with, where it is one."""
        return {}

    @hook
    def never(self, classes: Sequence[str]) -> Sequence[str]:
        """Return the classes that nobody will ever answer with."""
        return ()

    @hook
    def answerable(self, ids: Ids) -> NDArray[np.bool_]:
        """Return (n,) whether a sample can be answered at all."""
        return np.ones(len(ids), dtype=np.bool_)

    @hook
    def taken_back(self, batch: Batch) -> set[int]:
        """Return the samples of a batch whose answer was taken back: they are to be answered again."""
        return set()

    @hook
    def facts(self, batch: Batch) -> Mapping[str, float]:
        """Return numbers on how the batch was answered, such as seconds an answer; for the tracker."""
        return {}

    @hook
    def share_right(self, ids: Ids, labels: Labels) -> float | None:
        """Return the share of samples (n,) labelled as they should be; NaN if no truth is known of them.

        None, whatever the samples, where the annotator does not know the truth of any data.
        """
        return None


@runtime_checkable
class StoppingRule(Protocol):
    """When to stop asking."""

    def reason(self, rounds: Sequence[RoundRecord], *, metric: str, pool_left: int) -> str:
        """Return why to stop now, in words; "" to go on. `pool_left` counts samples that could still be asked."""

    @property
    @hook
    def wants(self) -> frozenset[str]:
        """Facts of the pool that it looks at; see `RoundRecord.pool`."""
        return frozenset()

    @hook
    def allowance(self, rounds: Sequence[RoundRecord]) -> int | None:
        """Return how many labels may still be asked for; None where it does not limit them."""
        return None


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
        """Send what is new of a run; return True when nothing is left to send.

        Never raises for an outage and never blocks long: what could not be sent is sent by a later call.

        Args:
            run: the run as the ledger tells it.
            model: gives the run's last model, to be logged when the run has stopped.
            files: name in the tracker -> file, to be attached to the run when it has stopped (report, summary, curve).
            round_figures: file name -> PNG bytes of one round (its confusion matrix).
        """

    @hook
    def why(self) -> str:
        """Return why not all could be sent by the last `sync`, a sentence without its full stop; "" if all was."""
        return ""


class Display(Protocol):
    """Shows a person how it goes."""

    def say(self, line: str) -> None:
        """Show a line that should be read."""

    def warn(self, line: str) -> None:
        """Show a line that should worry."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Show how far long work is; see `interfaces.Progress`."""

    def round_done(self, run: RunRecord, budget: int | None) -> None:
        """Show a round that was measured."""

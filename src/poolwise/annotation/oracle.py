"""A simulated annotator that knows the hidden labels, and may err as people do. Nothing else may hold them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import Annotator, ImageSource
from poolwise.core.seeds import generator
from poolwise.core.types import Answer, Ask, Batch, Ids, Label, Labels, Task, decode, is_known


class Mistake(str, Enum):
    """How a wrong answer comes about."""

    UNIFORM = "uniform"
    """Any other class, equally often."""
    CONFUSION = "confusion"
    """The class that the model suggests, where it is wrong; else any other class. People follow suggestions."""


@dataclass(frozen=True)
class Oracle(Annotator):
    """Answers with the hidden label, or with a wrong one at `noise_rate`.

    Each sample's answer depends on (seed, sample) alone, with mistakes=confusion on the suggestion too: asking again with
    the same suggestion gives the same answer. A label that an audit doubts is looked at again: a mistake is drawn anew.

    Attributes:
        noise_rate: share of wrong answers; for multi-label, the share of single labels that are flipped.
        mistakes: the shape of the wrong answers.
        seed: of the mistakes.
        delay: seconds that each answer takes, to see a run as people would.
        truth: the source that knows; set by `knowing`, never from a configuration.
    """

    noise_rate: float = 0.0
    mistakes: Mistake = Mistake.UNIFORM
    seed: int = 0
    delay: float = 0.0
    truth: Any = None

    simulated: ClassVar[bool] = True
    source: ClassVar[str] = "oracle"

    def __post_init__(self) -> None:
        if not 0 <= self.noise_rate <= 1:
            raise ConfigError(f"annotation.noise_rate is {self.noise_rate}; it is a share between 0 and 1.")
        if not 0 <= self.delay < float("inf"):
            raise ConfigError(f"annotation.delay is {self.delay}; it is seconds, 0 or more.")

    def knowing(self, source: ImageSource) -> Self:
        """Return this oracle with its hidden labels."""
        return replace(self, truth=source.hidden_labels())

    def answerable(self, ids: Ids) -> NDArray[np.bool_]:
        """Return (n,) whether the label of a sample is known."""
        return is_known(self.truth)[ids]

    def never(self, classes: Sequence[str]) -> list[str]:
        """Return classes that no sample has: nobody will ever answer with them."""
        known = self.truth[is_known(self.truth)]
        counts = (known == 1).sum(axis=0) if self.truth.ndim == 2 else np.bincount(known, minlength=len(classes))
        return [name for name, count in zip(classes, counts, strict=True) if count == 0]

    def share_right(self, ids: Ids, labels: Labels) -> float:
        """Return the share of samples whose given label is the hidden one, in every class for multi-label: a number, no label.

        Args:
            ids: (n,) sample ids; those whose label is not known do not count.
            labels: (n,) or (n, C) labels as `types` says.

        Returns:
            A share in [0, 1]; NaN if none of the labels is known.
        """
        truth: Labels = self.truth[ids]
        known = is_known(truth)
        if not known.any():
            return float("nan")
        same = (truth == labels).reshape(len(ids), -1).all(axis=1)
        return float(same[known].mean())

    def emit(self, batch: Batch, images: ImageSource) -> str:
        """Publish nothing."""
        return ""

    def collect(self, batch: Batch) -> Sequence[Answer]:
        """Return all answers, after as long as they take; samples whose label is not known are skipped."""
        time.sleep(self.delay * len(batch.asks))
        return [Answer(ask.sample_id, self._answer(ask, batch), "oracle") for ask in batch.asks]

    def _answer(self, ask: Ask, batch: Batch) -> Label:
        truth: Labels = self.truth
        label = decode(truth[ask.sample_id], batch.classes)
        if label is None or self.noise_rate == 0:
            return label
        rng = generator(self.seed, ask.sample_id, "oracle, again" if ask.details.get("review") else "oracle")
        if batch.task is Task.MULTILABEL:
            flips = rng.random(len(batch.classes)) < self.noise_rate
            return decode(np.asarray(truth[ask.sample_id]) ^ flips, batch.classes)
        if rng.random() >= self.noise_rate:
            return label
        if self.mistakes is Mistake.CONFUSION and ask.suggestion not in (None, label):
            return ask.suggestion
        others = [name for name in batch.classes if name != label]
        return others[int(rng.integers(len(others)))] if others else label

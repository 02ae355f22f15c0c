"""The upper bound: a strategy that tries batches out before it asks. It sees answers and test set; nobody can do that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import Annotator, ImageSource, Learner, QueryStrategy
from poolwise.core.types import (
    Ask,
    Batch,
    Ids,
    Label,
    LabelledSet,
    Manifest,
    Need,
    PoolView,
    Query,
    Split,
    Task,
    decode,
    encode,
)
from poolwise.metric.classification import headline, held_out


@dataclass(frozen=True)
class LookAhead(QueryStrategy):
    """Takes, of several batches, the one whose answers make the best model on the held-out set.

    The idea of BoSS (best of several strategies): random batches and one of each strategy are answered, a model is
    trained with each, and the best is kept. Greedy and of few candidates, so better batches may exist; but none of the
    strategies in it could know which of theirs would turn out best. What is tried out is answered with the suggestions of
    the last model, as the loop's own asks are: an annotator who follows suggestions then gives the same answers.

    Attributes:
        strategies: each proposes a batch.
        images: the pictures; their test split is what batches are judged by.
        learner: trains a model for each batch.
        annotator: answers each batch.
        random_batches: how many batches are drawn at random.
        folder: of the run, for the annotator.

    Raises:
        ConfigError: a strategy looks at the models of the last rounds, see `check_rivals`.
    """

    strategies: tuple[QueryStrategy, ...]
    images: ImageSource
    learner: Learner
    annotator: Annotator
    random_batches: int
    folder: Path

    beyond_arrays: ClassVar[bool] = True
    """It trains models and asks: not to be tried out on made-up samples."""

    def __post_init__(self) -> None:
        check_rivals(self.strategies)

    @property
    def needs(self) -> Need:
        """What any of the strategies wants, and the probabilities: suggestions come from them."""
        needed = Need.PROBS
        for strategy in self.strategies:
            needed |= strategy.needs
        return needed

    def select(self, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Return exactly `size` distinct ids of the view."""
        test = _given(self.images.manifest, Split.TEST)
        if not len(test):
            raise ConfigError("upper_bound=true judges batches by the data's own test split, and there is none.")
        seed = int(rng.integers(2**63 - 1))
        proposed = [rng.permutation(view.ids)[:size] for _ in range(self.random_batches)]
        proposed += [each.select(view, size, rng).ids for each in self.strategies]
        scores = [self._score(view, ids, test, seed) for ids in proposed]
        best = int(np.argmax(scores))
        reason = f"look-ahead: best of {len(proposed)} batches, {scores[best]:.4f} on the held-out set; not achievable"
        return Query(
            proposed[best], np.full(size, scores[best], dtype=np.float32), {"reason": np.array([reason] * size)}
        )

    def _score(self, view: PoolView, ids: Ids, test: LabelledSet, seed: int) -> float:
        manifest = self.images.manifest
        model = self.learner.fit(self.images, self._with(view, ids), _validation(manifest), seed=seed)
        probs = model.predict(self.images, test.ids, Need.PROBS, seed=seed).probs
        assert probs is not None
        measured = held_out(probs, test.labels, manifest.task, manifest.classes)
        return float(measured.metrics[headline(manifest.task)])

    def _with(self, view: PoolView, ids: Ids) -> LabelledSet:
        """Return what would be labelled after this batch, in ascending order of id."""
        manifest = self.images.manifest
        asks = tuple(Ask(int(at), manifest.paths[at], _suggestion(view, int(at), manifest)) for at in ids)
        answers = self.annotator.collect(Batch(0, asks, manifest.classes, manifest.task, self.folder))
        names: dict[int, Label] = {answer.sample_id: answer.label for answer in answers if answer.label is not None}
        if view.labels is not None:
            names |= {
                int(at): decode(row, manifest.classes) for at, row in zip(view.labelled_ids, view.labels, strict=True)
            }
        rows = sorted(names)
        return LabelledSet(
            np.array(rows, dtype=np.int64), encode([names[at] for at in rows], manifest.classes, manifest.task)
        )


def check_rivals(strategies: Sequence[QueryStrategy]) -> None:
    """Refuse strategies that cannot be tried out beside others.

    Raises:
        ConfigError: one needs the models of the last rounds. They come in the place of draws, and for all alike: the
            others would look at the wrong thing.
    """
    for strategy in strategies:
        if Need.ROUNDS in strategy.needs:
            raise ConfigError(
                f"upper_bound=true tries out batches of all strategies, and {strategy} looks at the models of the last "
                "rounds, which cannot be had beside draws; leave it out of the strategies, or use upper_bound=false."
            )


def _suggestion(view: PoolView, sample_id: int, manifest: Manifest) -> Label:
    """Return the last model's answer; nothing before there is a trained one."""
    if view.probs is None or not len(view.labelled_ids):
        return None
    probs = view.probs[np.searchsorted(view.ids, sample_id)]
    several = manifest.task is Task.MULTILABEL
    return decode((probs >= 0.5).astype(np.int8) if several else probs.argmax(), manifest.classes)


def _validation(manifest: Manifest) -> LabelledSet | None:
    labelled = _given(manifest, Split.VALIDATION)
    return labelled if len(labelled) else None


def _given(manifest: Manifest, split: Split) -> LabelledSet:
    ids = manifest.ids(split)
    ids = ids[manifest.known()[ids]]
    return LabelledSet(ids, manifest.labels[ids])

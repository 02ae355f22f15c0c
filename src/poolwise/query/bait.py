"""BAIT: the batch that leaves the last layer least uncertain about the pool (Ash et al. 2021, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.ranges import Factor, Natural, Positive
from poolwise.core.types import Floats, Head, Need, PoolView, Task
from poolwise.geometry.fisher import RankMany, RankOne, forward_backward, total, total_many
from poolwise.query.strategy import Picks, Strategy, required

MOST_WIDE = 2000
"""Largest C * D of the exact form: a matrix of 32 MB, several of them, and their products at every pick."""
MOST_BYTES = 1 << 30
EXACT_UP_TO = 1 << 22
"""Candidates times width up to which gains are reckoned in float64; above in float32, and only the dropping in float64."""
LEAST = 1e-9
"""Of lambda over the mean squared length of embeddings: below this, inverses are rounding."""


class Form(str, Enum):
    """How the Fisher information of a sample is written down."""

    BINARY = "binary"
    FULL = "full"


@dataclass(frozen=True)
class Bait(Strategy):
    """Greedy minimisation of tr(M^-1 F): F the Fisher information of all samples, M that of labelled and picked ones.

    Twice as many are picked as wanted, then those that are missed least are dropped. As in the authors' code the
    information of labelled samples is a mean, weighed by L / (L + B), and that of each candidate is weighed by
    B / (L + B). The labelled samples' probabilities come from their embeddings and the last layer.

    Attributes:
        form: `binary` takes the most probable class against the rest, p (1 - p) h h', a D x D matrix and O(B N D)
            (Huseljic et al. 2024, section 4.2); `full` is exact over all classes, a (C D) x (C D) matrix.
        regularisation: lambda, added to the diagonal of M; at least 1e-9 of the mean squared length of embeddings is taken.
        oversampling: picked a wanted sample before dropping; 1 drops none.
        width: embeddings are projected to this many principal directions (about the origin) first; 0 leaves them.
        subset: random candidates that are considered; 0 for all.
    """

    form: Form = Form.BINARY
    regularisation: Positive = 1.0
    oversampling: Factor = 2.0
    width: Natural = 0
    subset: Natural = 0

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS | Need.HEAD
    tasks: ClassVar[tuple[Task, ...]] = (Task.MULTICLASS,)

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        few = np.arange(len(view))
        if self.subset:
            few = np.sort(rng.choice(few, min(len(few), max(size, self.subset)), replace=False))
        probs, known = required(view.probs), labelled_probs(view)
        points, seen, scale = _scaled(*self._projected(required(view.embeddings), view.labelled_embeddings))
        if self.form is Form.FULL:
            self._check(len(few), probs.shape[1], points.shape[1])
        make = self._full if self.form is Form.FULL else self._binary
        added = max(self.regularisation / scale**2, LEAST)
        form = make(points, probs, few, seen, known, size, added)
        more = min(len(few), max(size, round(self.oversampling * size)))
        rows, shares = forward_backward(form, len(few), size, more, rng)
        sentences = [f"leaves the last layer {share:.2%} less uncertain about the pool" for share in shares]
        return Picks(few[rows], shares, sentences)

    def _projected(self, points: Floats, seen: Floats | None) -> tuple[Floats, Floats]:
        seen = points[:0] if seen is None else seen
        if not 0 < self.width < points.shape[1]:
            return points, seen
        directions = np.linalg.eigh(total(points, np.ones(len(points), dtype=np.float32)))[1][:, -self.width :]
        return points @ directions.astype(np.float32), seen @ directions.astype(np.float32)

    def _binary(
        self,
        points: Floats,
        probs: Floats,
        few: NDArray[np.int64],
        seen: Floats,
        known: Floats,
        size: int,
        added: float,
    ) -> RankOne:
        weights, old = doubt(probs), doubt(known)
        pool, labelled = total(points, weights), total(seen, old)
        gathered = added * np.eye(len(labelled)) + labelled / (len(seen) + size)
        share = np.float32(size / (size + len(seen)))
        return RankOne(
            _precise(points[few]), share * weights[few], gathered, (pool + labelled) / (len(points) + len(seen))
        )

    def _full(
        self,
        points: Floats,
        probs: Floats,
        few: NDArray[np.int64],
        seen: Floats,
        known: Floats,
        size: int,
        added: float,
    ) -> RankMany:
        roots = class_roots(probs[few])
        labelled = total_many(seen, class_roots(known))
        pool = total_many(points[few], roots) * (len(points) / len(few)) + labelled
        gathered = added * np.eye(len(labelled)) + labelled / (len(seen) + size)
        share = np.float32(np.sqrt(size / (size + len(seen))))
        return RankMany(_precise(points[few]), share * roots, gathered, pool / (len(points) + len(seen)))

    def _check(self, count: int, classes: int, width: int) -> None:
        if classes * width > MOST_WIDE:
            raise ConfigError(
                f"bait: form=full needs classes times width of at most {MOST_WIDE}; got {classes} x {width}. "
                f"Set width to {max(1, MOST_WIDE // classes)} or less, or take form=binary."
            )
        if 8 * count * classes**2 > MOST_BYTES:
            raise ConfigError(
                f"bait: form=full keeps {classes} x {classes} numbers twice for each of {count} candidates, more than "
                f"1 GB. Set subset to {MOST_BYTES // (8 * classes**2)} or less, or take form=binary."
            )


def _scaled(points: Floats, seen: Floats) -> tuple[Floats, Floats, float]:
    """Divide both by one power of two, so that rows have a length of about 1; return them and that power."""
    length = np.sqrt(np.square(points, dtype=np.float64).sum() / len(points))
    scale = float(2.0 ** np.round(np.log2(length))) if length > 0 else 1.0
    return points / np.float32(scale), seen / np.float32(scale), scale


def _precise(points: Floats) -> Floats | NDArray[np.float64]:
    """Return float64 where there is room: once few directions are left uncertain, float32 cannot tell rows apart."""
    return points.astype(np.float64) if points.size <= EXACT_UP_TO else points


def doubt(probs: Floats) -> Floats:
    """Return (N,) p (1 - p) of the most probable class: the variance of the answer to "is it this class?".

    >>> doubt(np.array([[0.75, 0.25], [1.0, 0.0]])).tolist()
    [0.1875, 0.0]
    """
    top = probs.max(axis=1, initial=0)
    return np.asarray(top * (1 - top), dtype=probs.dtype)


def class_roots(probs: Floats) -> Floats:
    """Return (N, C, C) S with S S' = diag(p) - p p', the columns sqrt(p_c) (e_c - p): gradients of the logits."""
    classes = probs.shape[1]
    roots = np.eye(classes, dtype=np.float32)[None] - probs[:, :, None]
    return np.asarray(roots * np.sqrt(probs)[:, None, :], dtype=np.float32)


def labelled_probs(view: PoolView) -> Floats:
    """Return the (L, C) softmax of the last layer over the embeddings of labelled samples."""
    head: Head | None = view.head
    if head is None or view.labelled_embeddings is None:
        return required(view.probs)[:0]
    logits = view.labelled_embeddings @ head.weights.T + head.bias
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float32)

"""ALFA-Mix: samples whose class changes when a little of a labelled class is mixed in (Parvaneh et al. 2022, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.ranges import Count, Positive
from poolwise.core.types import Floats, Head, Need, PoolView, Task
from poolwise.geometry.flips import farthest, flip_distances
from poolwise.geometry.kmeans import one_a_cluster
from poolwise.query.acquisition.confidence import margin
from poolwise.query.strategy import Picks, Strategy, required, topped_up


@dataclass(frozen=True)
class AlfaMix(Strategy):
    """Candidates flip under the closed-form mixing coefficient of equations 5 and 6; of them, one a cluster.

    That coefficient, eps * |z* - z| * g / |g| / (z* - z) feature by feature, moves z by eps * |z* - z| along the unit
    gradient g / |g|, whatever the direction of the anchor z*: an anchor says how far, not where to. So a sample flips for
    one of the anchors if it flips for the farthest, and the smallest eps that flips it is known without trying any.

    Anchors are the mean features of each labelled class; classes without a label share the mean of all labelled samples.
    As in the authors' code eps = cap / sqrt(D), and the cap grows by itself up to `most` until there are candidates
    enough. Theirs tops up at random; this takes the smallest margins.

    Attributes:
        cap: of the mixing coefficient to begin with, and the step by which it grows.
        most: the largest cap.
        iterations: Lloyd steps.
    """

    cap: Positive = 0.2
    most: Positive = 1.0
    iterations: Count = 10

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS | Need.HEAD
    tasks: ClassVar[tuple[Task, ...]] = (Task.MULTICLASS,)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cap > self.most:
            raise ConfigError(f"alfa_mix: cap must be at most `most`; got {self.cap} and {self.most}.")

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is 1 / (1 + cap that flips)."""
        probs, points = required(view.probs), required(view.embeddings)
        caps, to = flipping_caps(points, required(view.head), probs, anchors(view, probs.shape[1]))
        candidates = np.flatnonzero(caps < self._cap(caps, size))
        rows, members = one_a_cluster(points, candidates, size, rng, self.iterations)
        unsure = margin(probs)
        every, extra = topped_up(rows, unsure, size, rng)
        flips = zip(probs[rows].argmax(axis=1), to[rows], caps[rows] / points.shape[1] ** 0.5, members, strict=True)
        whose = "labelled samples" if len(view.labelled_ids) else "the pool's mean (nothing is labelled yet)"
        sentences = [
            f"class {old} turns into class {new} after {share:.1%} of the way to {whose}, from a cluster of {count} such"
            for old, new, share, count in flips
        ]
        sentences += [f"margin {1 - unsure[row]:.2f}; fewer candidates whose class turns than picks" for row in extra]
        return Picks(every, 1 / (1 + caps[every]), sentences, {"turns_into": to[every]})

    def _cap(self, caps: Floats, size: int) -> float:
        cap = self.cap
        while (caps < cap).sum() < size and cap + self.cap <= self.most * (1 + 1e-9):
            cap += self.cap
        return cap


def flipping_caps(points: Floats, head: Head, probs: Floats, means: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the (N,) smallest cap sqrt(D) * eps above which a class changes, infinite for none; and into which.

    Args:
        points: (N, D) features.
        head: the last layer.
        probs: (N, C).
        means: (M, D) anchors.
    """
    steps, to = flip_distances(points, head, probs)
    reach = farthest(points, means)
    with np.errstate(divide="ignore", invalid="ignore"):
        caps = np.where(reach > 0, steps / reach, np.inf) * np.sqrt(points.shape[1])
    return np.asarray(caps, dtype=np.float32), to


def anchors(view: PoolView, classes: int) -> Floats:
    """Return the (M, D) mean features of each labelled class, and of all labelled samples where a class has none."""
    known = view.labelled_embeddings
    if known is None:
        return np.asarray(required(view.embeddings).mean(axis=0, dtype=np.float64, keepdims=True), dtype=np.float32)
    labels = np.full(len(known), -1) if view.labels is None else view.labels
    present = np.unique(labels[labels >= 0])
    means = [known[labels == number].mean(axis=0, dtype=np.float64) for number in present]
    if len(present) < classes:
        means.append(known.mean(axis=0, dtype=np.float64))
    return np.array(means, dtype=np.float32)

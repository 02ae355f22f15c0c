"""What bench_peers.py measures: cases, their options on both sides, and the arrays that both sides read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

import bench_objectives as goal
from bench_query import pool

Measured = dict[str, tuple[str, float]]
"""What is measured -> which way is better, and how much."""

CLASSES = 10
DRAWS = 20
NEIGHBOURS = 20
"""k of typicality on both sides: the paper's (Hacohen et al. 2022, section 3.2)."""
SIGMA = 1.0
"""Width of MaxHerding's kernel on both sides: the paper's (Bae et al. 2024)."""
BALL = 0.01
"""Share of the pool that ProbCover's ball holds on average; its radius follows."""
TEMPERATURE = 8.0
"""Of predictions: without it a model would be sure of nearly every row of "blobs", and few gradients would not be 0."""
SPREAD = 0.2
"""Of BatchBALD's models around their mean: so that ten labels do not tell all ln 20 nats."""


@dataclass(frozen=True)
class Case:
    """One strategy on both sides. Options follow from the size of the pool and the arrays.

    Attributes:
        side, theirs: the peer and its name for the strategy.
        faster: how many times faster we are to be.
        samples, width, labelled, size: of the pool and the batch; width 0 means draws.
        our_options, their_options: to the same definition.
        judged: the value of a batch.
        shipped: measure ours with the options that it ships with, too.
    """

    side: str
    theirs: str
    faster: float
    samples: int
    width: int
    labelled: int
    size: int
    our_options: Callable[[Pool], dict[str, Any]]
    their_options: Callable[[Pool], dict[str, Any]]
    judged: Callable[[Pool, Any], Measured]
    shipped: bool = False

    def scaled(self, scale: float) -> tuple[int, int, int]:
        """Samples, labelled and batch size; a batch has 10 at least."""
        few = 10
        return (
            max(500, round(self.samples * scale)),
            max(few, round(self.labelled * scale)) if self.labelled else 0,
            max(few, round(self.size * scale)) if self.width else self.size,
        )


@dataclass(frozen=True, eq=False)
class Pool:
    """Arrays in a folder, the first `labelled` rows labelled."""

    folder: Path
    labelled: int
    size: int
    arrays: Mapping[str, Any] = field(repr=False)

    @property
    def embeddings(self) -> Any:
        """(N, D)."""
        return self.arrays["embeddings"]

    @cached_property
    def radius(self) -> float:
        """Of a ball that holds BALL of the pool on average, by 2,000 rows."""
        some = np.random.default_rng(1).permutation(len(self.embeddings))[:2000]
        squared = np.concatenate(
            [rows for _, rows in goal.squared_distances(self.embeddings[some], self.embeddings[some])]
        )
        return float(np.sqrt(np.quantile(squared[~np.eye(len(some), dtype=bool)], BALL)))

    @cached_property
    def clusters(self) -> Any:
        """(N,) as many clusters as there are labelled rows and picks."""
        return goal.reference_clusters(self.embeddings, self.labelled + self.size)


def _same_typicality(pool_: Pool) -> dict[str, Any]:
    """scikit-activeml has as many clusters as labelled rows and picks, takes all, and does not scale."""
    clusters = pool_.labelled + pool_.size
    return {"neighbours": NEIGHBOURS, "most_clusters": clusters, "min_cluster": 0, "unit_length": False}


def _none(_: Pool) -> dict[str, Any]:
    return {}


def _whole(pool_: Pool, **options: Any) -> dict[str, Any]:
    """No random subset of a pool that is larger than our default."""
    return {"sample": max(20_000, len(pool_.embeddings)), **options}


LARGE = partial(Case, side="skactiveml", samples=60_000, width=256, labelled=1000, size=1000)
MEDIUM = partial(Case, side="skactiveml", samples=20_000, width=128, labelled=100, size=100)

CASES: dict[str, Case] = {
    "badge": LARGE(
        theirs="Badge",
        faster=20,
        our_options=_none,
        their_options=_none,
        judged=lambda data, picks: goal.badge(data.arrays["probs"], data.embeddings, data.labelled, picks),
    ),
    "typiclust": LARGE(
        theirs="TypiClust",
        faster=5,
        our_options=_same_typicality,
        their_options=lambda _: {"k": NEIGHBOURS},
        judged=lambda data, picks: goal.typiclust(data.embeddings, data.labelled, picks, NEIGHBOURS, data.clusters),
        shipped=True,
    ),
    "core_set": LARGE(
        theirs="CoreSet",
        faster=2.5,
        our_options=_none,
        their_options=_none,
        judged=lambda data, picks: goal.core_set(data.embeddings, data.labelled, picks),
    ),
    "prob_cover": MEDIUM(
        theirs="ProbCover",
        faster=10,
        our_options=lambda data: _whole(data, radius=data.radius, unit_length=False),
        their_options=lambda data: {"deltas": [data.radius], "n_classes": CLASSES},
        judged=lambda data, picks: goal.prob_cover(data.embeddings, data.labelled, picks, data.radius),
    ),
    "max_herding": MEDIUM(
        theirs="MaxHerding",
        faster=50,
        our_options=lambda data: _whole(data, sigma=SIGMA),
        their_options=lambda _: {"metric_dict": {"gamma": SIGMA**-2}},
        judged=lambda data, picks: goal.max_herding(data.embeddings, data.labelled, picks, SIGMA),
    ),
    "batch_bald": Case(
        side="baal",
        theirs="BatchBALD",
        faster=50,
        samples=5000,
        width=0,
        labelled=0,
        size=10,
        our_options=_none,
        their_options=_none,
        judged=lambda data, picks: goal.batch_bald(data.arrays["log_probs_nkc"], picks),
    ),
}
"""Sizes at which the peers were measured before, and what is to be reached."""


def make(folder: Path, samples: int, width: int, labelled: int, size: int, shape: str) -> Pool:
    """Write the arrays that both sides read."""
    folder.mkdir(parents=True)
    arrays = {"log_probs_nkc": draws(samples)} if not width else embedded(samples, width, labelled, shape)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return Pool(folder, labelled, size, {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in arrays})


def embedded(samples: int, width: int, labelled: int, shape: str) -> dict[str, Any]:
    """The pool of bench_query.py, with predictions of labelled rows too: what a model forecast of them."""
    whole = pool(samples, width, CLASSES, 0, shape)
    labels = pool(samples, width, CLASSES, labelled, shape).labels
    assert whole.probs is not None
    logits = np.log(np.maximum(whole.probs, np.finfo(np.float32).tiny)) / np.float32(TEMPERATURE)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    return {"embeddings": whole.embeddings, "probs": probs / probs.sum(axis=1, keepdims=True), "labels": labels}


def draws(samples: int) -> Any:
    """(N, K, C) log-probabilities of K linear models that lie around one."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((samples, 16), dtype=np.float32)
    models = rng.standard_normal((16, 1, CLASSES)) + SPREAD * rng.standard_normal((16, DRAWS, CLASSES))
    logits = np.einsum("nd,dkc->nkc", rows, models.astype(np.float32))
    logits -= logits.max(axis=2, keepdims=True)
    return (logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))).astype(np.float32)

"""Try a strategy out on made-up arrays before anybody is asked: what cannot work is refused at once, not after the labels."""

from __future__ import annotations

import numpy as np

from poolwise.errors import ConfigError, InvalidArray
from poolwise.loop.parts import Parts
from poolwise.types import Head, Manifest, PoolView, Split, Task

ROWS, WIDTH, DRAWS, KNOWN, WANTED = 64, 4, 3, 8, 2
"""Of the made-up pool: candidates, width of embeddings, draws, labelled samples, and picks."""


def rehearse(parts: Parts) -> None:
    """Have the strategy choose from a few made-up samples that carry the real columns of the data.

    Raises:
        ConfigError: the strategy is not defined for the task, or a column is missing or not of the kind it takes.
    """
    manifest = parts.images.manifest
    parts.candidates.check(manifest.columns)
    pool = manifest.ids(Split.POOL)[:ROWS]
    if len(pool) < WANTED or getattr(parts.strategy, "beyond_arrays", False):
        return
    try:
        parts.candidates.select(parts.strategy, _made_up(manifest, pool), WANTED, np.random.default_rng(0))
    except (ConfigError, InvalidArray) as error:
        raise ConfigError(f"query={parts.strategy_name} cannot choose from {manifest.name}: {error}") from error


def _made_up(manifest: Manifest, pool: np.ndarray) -> PoolView:
    rng, several = np.random.default_rng(0), manifest.task is Task.MULTILABEL
    classes = len(manifest.classes)
    head = Head(rng.standard_normal((classes, WIDTH), dtype=np.float32), np.zeros(classes, dtype=np.float32))
    embeddings = rng.standard_normal((len(pool) + KNOWN, WIDTH), dtype=np.float32)
    odds = np.exp(embeddings @ head.weights.T)
    probs = odds / (1 + odds) if several else odds / odds.sum(axis=1, keepdims=True)
    labels = (probs[len(pool) :] > 0.5).astype(np.int8) if several else probs[len(pool) :].argmax(axis=1)
    beyond = len(manifest) + np.arange(KNOWN, dtype=np.int64)
    return PoolView(
        ids=pool,
        task=manifest.task,
        probs=probs[: len(pool)],
        embeddings=embeddings[: len(pool)],
        log_probs_nkc=np.log(np.repeat(probs[: len(pool), None], DRAWS, axis=1)),
        labelled_ids=beyond,
        labels=labels,
        labelled_embeddings=embeddings[len(pool) :],
        head=head,
        columns={name: column[pool] for name, column in manifest.columns.items()},
    )

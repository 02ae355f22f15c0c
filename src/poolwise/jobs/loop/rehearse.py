"""Try a strategy out on made-up arrays before anybody is asked: what cannot work is refused at once, not after the labels."""

from __future__ import annotations

import numpy as np

from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.core.types import Head, Manifest, Need, PoolView, Split, Task
from poolwise.jobs.loop.parts import Parts
from poolwise.jobs.loop.select import no_embeddings, untrained

ROWS, WIDTH, DRAWS, KNOWN, WANTED = 64, 4, 3, 8, 2
"""Of the made-up pool: candidates, width of embeddings, draws, labelled samples, and picks."""


def rehearse(parts: Parts) -> None:
    """Have the strategy choose from a few made-up samples that carry the real columns of the data.

    Raises:
        ConfigError: the strategy is not defined for the task, or a column is missing or not of the kind it takes; or it
            is to begin (start=strategy) and looks at what only a trained model has.
    """
    manifest = parts.images.manifest
    parts.candidates.check(manifest.columns)
    pool = manifest.ids(Split.POOL)[:ROWS]
    if parts.settings.start == "strategy":
        _rehearse_start(parts, pool[:WANTED])
    if len(pool) < WANTED or parts.strategy.beyond_arrays:
        return
    try:
        parts.candidates.select(parts.strategy, _made_up(manifest, pool), WANTED, np.random.default_rng(0))
    except (ConfigError, InvalidArray) as error:
        raise ConfigError(f"query={parts.strategy_name} cannot choose from {manifest.name}: {error}") from error


def _rehearse_start(parts: Parts, few: np.ndarray) -> None:
    """Check what can be known of the first batch before anything is written down."""
    if not parts.learner.embeds:
        raise no_embeddings()
    names = {Need.DRAWS: "stochastic draws", Need.ROUNDS: "the models of past rounds", Need.HEAD: "the last layer"}
    missing = [name for need, name in names.items() if need in parts.strategy.needs]
    if missing:
        raise ConfigError(
            f"start=strategy chooses the first batch before anything is trained, and query={parts.strategy_name} looks at "
            f"{' and '.join(missing)} of a trained model; use start=random, or query=typiclust, max_herding or auto."
        )
    if len(few) < WANTED or parts.strategy.beyond_arrays:
        return
    points = np.random.default_rng(0).standard_normal((len(few), WIDTH), dtype=np.float32)
    try:
        parts.strategy.select(untrained(parts.images.manifest, few, points), 1, np.random.default_rng(0))
    except (ConfigError, InvalidArray) as error:
        raise ConfigError(
            f"start=strategy: query={parts.strategy_name} cannot choose before the first label: {error} Use start=random."
        ) from error


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

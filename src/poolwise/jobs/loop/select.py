"""The step that chooses a batch: what the strategy sees, what it picked and why, and the batch beside random ones."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import FittedModel, QueryStrategy
from poolwise.core.seeds import derive, generator
from poolwise.core.types import (
    Ask,
    Floats,
    Ids,
    LabelledSet,
    Manifest,
    Need,
    PoolView,
    Predictions,
    Query,
    Task,
    decode,
)
from poolwise.geometry.neighbours import nearest
from poolwise.jobs.loop.parts import Parts, Workbench
from poolwise.jobs.samples import in_groups_of, pool_left, training_set
from poolwise.ledger.events import BatchQueried, NewEvent
from poolwise.ledger.state import RunState
from poolwise.metric.coverage import curation_report
from poolwise.query.auto import Auto

YARDSTICK = 10_000
"""Pool samples that stand for the pool where a batch is compared with random draws, at least."""
TIMES = 10
"""As many of them for each pick, at least: random batches from too few samples would be too much alike."""
SHOWN_ELSEWHERE = ("reason", "predicted", "confidence")
"""Columns of reasons that an `Ask` carries under other names."""


def select(state: RunState, parts: Parts, bench: Workbench, size: int) -> NewEvent:
    """Choose the next batch; round 0 is drawn at random unless `start` says that the strategy begins."""
    start = time.perf_counter()
    round_ = len(state.rounds)
    candidates = pool_left(state, parts.images.manifest)
    if round_ and size == len(candidates) < parts.settings.query_size and not parts.is_control:
        parts.display.warn(
            f"query_size is {parts.settings.query_size}, and {size} samples are left: all of them are asked for."
        )
    queried = _later(state, parts, bench, candidates, size) if round_ else _first(parts, candidates, size)
    if parts.auditor is not None and round_:
        queried = replace(queried, reviews=parts.auditor.reviews(parts, state, bench.blobs))
    return NewEvent(round_, replace(queried, seconds={"select": time.perf_counter() - start}))


def _first(parts: Parts, candidates: Ids, size: int) -> BatchQueried:
    """Select round 0: a test set if one is asked for, and the seed set."""
    manifest, settings = parts.images.manifest, parts.settings
    # The purpose names no strategy: a run and its random control begin with the same seed set.
    shuffled = generator(settings.seed, 0, "seed set").permutation(candidates)
    holdout = [int(sample_id) for sample_id in shuffled[: min(settings.test_size, size)]]
    rest = shuffled[len(holdout) :]
    rest = rest[~in_groups_of(holdout, rest, manifest)]
    wanted = min(size - len(holdout), len(rest))
    query = Query(rest[:wanted], np.zeros(wanted, np.float32), {})
    if (begins := _beginner(parts)) is not None:
        view = _cold(parts, np.sort(rest))
        query = parts.candidates.select(begins, view, wanted, generator(settings.seed, 0, "query"))
    asks = _asks(query, None, parts, "seed set, at random")
    tests = _asks(Query(np.array(holdout, dtype=np.int64), np.zeros(len(holdout), np.float32), {}), None, parts, "")
    tests = [replace(ask, reason="test set, at random") for ask in tests]
    return BatchQueried((*tests, *asks), tuple(holdout))


def _beginner(parts: Parts) -> QueryStrategy | None:
    """Return the strategy that chooses round 0; None for a random draw."""
    if parts.is_control or parts.settings.start == "random":
        return None
    if parts.settings.start == "strategy":
        return parts.strategy
    return Auto() if parts.learner.embeds and parts.strategy_name != "random" else None


def _later(state: RunState, parts: Parts, bench: Workbench, candidates: Ids, size: int) -> BatchQueried:
    """Select every other round: by the strategy, from what the last model says of the pool."""
    round_ = len(state.rounds)
    model = bench.model(state.rounds[-1].checkpoint, parts)
    view = _view(state, parts, bench, model, candidates)
    query = parts.candidates.select(parts.strategy, view, size, generator(parts.settings.seed, round_, "query"))
    suggestions = _suggestions(view, query, parts, model, round_)
    assert suggestions.probs is not None
    beside, columns = _looked_at(view, query, parts, model, round_)
    query = replace(query, reasons={**columns, **query.reasons})
    facts: dict[str, float] = {}
    if "farthest" in parts.wants and view.embeddings is not None and view.labelled_embeddings is not None:
        facts["farthest"] = float(nearest(view.embeddings, view.labelled_embeddings)[1].max(initial=0))
    return BatchQueried(
        asks=tuple(_asks(query, suggestions, parts, "")),
        pool=facts,
        forecasts=bench.blobs.put_array(suggestions.probs),
        beside_random=beside,
    )


def _view(state: RunState, parts: Parts, bench: Workbench, model: FittedModel, candidates: Ids) -> PoolView:
    """Return exactly what the strategy declared, and what is known anyway."""
    round_ = len(state.rounds)
    needs = parts.strategy.needs | parts.candidates.needs
    if "farthest" in parts.wants:
        needs |= Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS
    wanted = needs & (Need.PROBS | Need.EMBEDDINGS | Need.DRAWS | Need.HEAD)
    seed = derive(parts.settings.seed, round_, "draws")
    manifest, progress = parts.images.manifest, parts.display.progress
    pool = (
        model.predict(parts.images, candidates, wanted, seed=seed, progress=progress)
        if wanted
        else Predictions(candidates)
    )
    labelled = training_set(state, manifest)
    known = None
    if Need.LABELLED_EMBEDDINGS in needs:
        known = model.predict(parts.images, labelled.ids, Need.EMBEDDINGS, seed=seed).embeddings
    return PoolView(
        ids=candidates,
        task=manifest.task,
        probs=pool.probs,
        embeddings=pool.embeddings,
        log_probs_nkc=_of_rounds(state, parts, bench, candidates) if Need.ROUNDS in needs else pool.log_probs_nkc,
        labelled_ids=labelled.ids,
        labels=labelled.labels,
        labelled_embeddings=known,
        head=pool.head,
        forecasts=_forecasts(state, bench, labelled, len(manifest.classes)),
        columns={name: column[candidates] for name, column in manifest.columns.items()},
    )


def _cold(parts: Parts, candidates: Ids) -> PoolView:
    """Return what is known before the first label, where the model was trained elsewhere."""
    embeddings = parts.learner.embed(parts.images, candidates, parts.display.progress)
    if embeddings is None:
        raise no_embeddings()
    return untrained(parts.images.manifest, candidates, embeddings)


def no_embeddings() -> ConfigError:
    """Return what to say where a model that knows nothing yet is to embed."""
    return ConfigError(
        "start=strategy chooses the first batch by embeddings, and this model has none before it is trained; use "
        "start=random, or weights learnt elsewhere: model=linear_head, model=logistic_head, or model=patches with its file."
    )


def untrained(manifest: Manifest, candidates: Ids, embeddings: Floats) -> PoolView:
    """Return candidates (N,) and embeddings (N, D) before the first label: every class is as likely as the others."""
    return PoolView(
        ids=candidates,
        task=manifest.task,
        probs=np.full((len(candidates), len(manifest.classes)), 1 / len(manifest.classes), dtype=np.float32),
        embeddings=embeddings,
        columns={name: column[candidates] for name, column in manifest.columns.items()},
    )


def _of_rounds(state: RunState, parts: Parts, bench: Workbench, candidates: Ids) -> Floats:
    """Return (N, K, C) log-probabilities of the models of the last K rounds, the latest last."""
    kept = [round_.checkpoint for round_ in state.rounds[-parts.rounds_kept :]]
    log_probs = []
    for reference in kept:
        model = parts.learner.load(bench.blobs.path(reference), parts.images)
        probs = model.predict(parts.images, candidates, Need.PROBS, seed=0, progress=parts.display.progress).probs
        assert probs is not None
        log_probs.append(np.log(np.maximum(probs, np.finfo(np.float32).tiny)))
    return np.stack(log_probs, axis=1)


def _forecasts(state: RunState, bench: Workbench, labelled: LabelledSet, classes: int) -> Floats | None:
    """Return (L, C) what was said of each labelled sample when it was asked for; NaN where it was drawn unseen."""
    known = [round_ for round_ in state.rounds if round_.queried.forecasts]
    if not known or not len(labelled):
        return None
    forecasts = np.full((len(labelled), classes), np.nan, dtype=np.float32)
    for round_ in known:
        asked = np.array([ask.sample_id for ask in round_.asks], dtype=np.int64)
        rows = np.searchsorted(labelled.ids, asked).clip(max=len(labelled) - 1)
        there = labelled.ids[rows] == asked
        forecasts[rows[there]] = bench.array(round_.queried.forecasts)[there]
    return forecasts


def _suggestions(view: PoolView, query: Query, parts: Parts, model: FittedModel, round_: int) -> Predictions:
    """Return the model's own answers for the batch; computed for the batch alone where the strategy did not need them."""
    if view.probs is not None:
        return Predictions(query.ids, view.probs[np.searchsorted(view.ids, query.ids)])
    order = np.argsort(query.ids)
    predictions = model.predict(
        parts.images, query.ids[order], Need.PROBS, seed=derive(parts.settings.seed, round_, "draws")
    )
    assert predictions.probs is not None
    probs = np.empty_like(predictions.probs)
    probs[order] = predictions.probs
    return Predictions(query.ids, probs)


def _looked_at(
    view: PoolView, query: Query, parts: Parts, model: FittedModel, round_: int
) -> tuple[dict[str, dict[str, Any]], dict[str, NDArray[Any]]]:
    """Compare the batch with random draws, and find each pick's cluster and nearest labelled sample.

    Nothing for a control, or where it is switched off.
    """
    if parts.is_control or not parts.settings.compare_batches or not len(query):
        return {}, {}
    seed = derive(parts.settings.seed, round_, "yardstick")
    some = _some(view.ids, query.ids, seed)
    ids = view.ids if some is None else np.union1d(some, query.ids)
    rows = np.searchsorted(view.ids, ids)
    if view.embeddings is not None and view.probs is not None:
        predictions = Predictions(ids, view.probs[rows], view.embeddings[rows])
    else:
        predictions = model.predict(parts.images, ids, Need.PROBS | Need.EMBEDDINGS, seed=seed)
    assert predictions.embeddings is not None
    probs = predictions.probs if view.task is Task.MULTICLASS else None
    chosen, pool = np.searchsorted(ids, query.ids), None if some is None else np.searchsorted(ids, some)
    report = curation_report(predictions.embeddings, chosen, probs=probs, seed=seed, pool=pool)
    columns: dict[str, NDArray[Any]] = {"cluster": report.clusters}
    if "nearest_labelled" not in query.reasons and len(view.labelled_ids):
        known = model.predict(parts.images, view.labelled_ids, Need.EMBEDDINGS, seed=seed).embeddings
        assert known is not None
        which, distance = nearest(predictions.embeddings[chosen], known)
        columns |= {"nearest_labelled": view.labelled_ids[which], "distance": distance}
    return {name: asdict(measure) for name, measure in report.measures.items()}, columns


def _some(pool: Ids, batch: Ids, seed: int) -> Ids | None:
    """Return random samples outside the batch that stand for a large pool; None where all of it can be looked at."""
    count = max(YARDSTICK, TIMES * len(batch))
    if len(pool) <= count + len(batch):
        return None
    return np.random.default_rng(seed).permutation(np.setdiff1d(pool, batch))[:count]


def _asks(query: Query, predictions: Predictions | None, parts: Parts, otherwise: str) -> list[Ask]:
    manifest = parts.images.manifest
    reasons = query.reasons.get("reason")
    asks = []
    for at, sample_id in enumerate(query.ids.tolist()):
        probs = None if predictions is None or predictions.probs is None else predictions.probs[at]
        asks.append(
            Ask(
                sample_id=sample_id,
                path=manifest.paths[sample_id],
                suggestion=None if probs is None else _suggested(probs, manifest),
                probability=None if probs is None else _sureness(probs, manifest.task),
                score=None if reasons is None else float(query.scores[at]),
                reason=otherwise if reasons is None else _named(str(reasons[at]), manifest.classes),
                details=_details(query.reasons, at),
            )
        )
    return asks


def _details(reasons: Mapping[str, NDArray[Any]], at: int) -> dict[str, Any]:
    """Return one row of the table of reasons as plain values; long fractions are cut, for they are kept for ever."""
    row = {name: column[at].item() for name, column in reasons.items() if name not in SHOWN_ELSEWHERE}
    known = {name: value for name, value in row.items() if value == value and value != ""}  # NaN is not itself
    return {name: float(f"{value:.5g}") if isinstance(value, float) else value for name, value in known.items()}


def _suggested(probs: Any, manifest: Manifest) -> Any:
    if manifest.task is Task.MULTILABEL:
        return decode((probs >= 0.5).astype(np.int8), manifest.classes)
    return manifest.classes[int(np.argmax(probs))]


def _sureness(probs: Any, task: Task) -> float:
    """Return the probability of the suggestion; for several labels, of the least sure one."""
    return float(np.maximum(probs, 1 - probs).min() if task is Task.MULTILABEL else probs.max())


def _named(reason: str, classes: Sequence[str]) -> str:
    """Name classes in a reason: strategies see numbers alone, so "class 3" becomes the class's name."""
    words = reason.split(" ")
    for at, word in enumerate(words[:-1]):
        number = words[at + 1].rstrip(",.;:)")
        if word.lstrip("(") == "class" and number.isdigit() and int(number) < len(classes):
            words[at] = word.replace("class", "")
            words[at + 1] = words[at + 1].replace(number, repr(classes[int(number)]), 1)
    return " ".join(word for word in words if word)

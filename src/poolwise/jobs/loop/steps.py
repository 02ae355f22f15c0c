"""The steps of a round: each turns (state, parts) into the facts to append. Arrays are written before the fact."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from poolwise.core.errors import AnnotationError, ConfigError, DataError, listed
from poolwise.core.interfaces import FittedModel
from poolwise.core.seeds import derive, generator
from poolwise.core.types import (
    Annotation,
    Batch,
    Manifest,
    Need,
    Split,
    Task,
    decode,
)
from poolwise.jobs.answers import batch_of, new_annotations, received
from poolwise.jobs.loop.parts import Parts, Workbench
from poolwise.jobs.loop.rehearse import rehearse
from poolwise.jobs.samples import data_facts, labels_digest, test_set, training_set, unreadable, validation_set
from poolwise.ledger.events import (
    BatchClosed,
    BatchEmitted,
    HoldoutMeasured,
    ModelTrained,
    NewEvent,
    RunOpened,
    RunParked,
)
from poolwise.ledger.state import RunState
from poolwise.metric.agreement import agreement
from poolwise.metric.classification import headline, held_out
from poolwise.metric.curve.outlook import outlook
from poolwise.query.acquisition.confidence import entropy


def open_run(parts: Parts) -> NewEvent:
    """Read every picture once, take the labels that came with the data, write down what the run begins with."""
    manifest = parts.images.manifest
    if len(manifest.classes) < (2 if manifest.task is Task.MULTICLASS else 1):
        raise DataError(
            f"{manifest.name} has the classes {list(manifest.classes)}; a classifier needs at least two. "
            "Name them with data.classes=[...]."
        )
    if parts.settings.test_size >= len(manifest.ids(Split.POOL)) > 0:
        raise ConfigError(
            f"test_size is {parts.settings.test_size}, and the pool has {len(manifest.ids(Split.POOL))} samples: "
            "nothing would be left to train on; lower it."
        )
    if not parts.is_control:
        rehearse(parts)
        if all(rule.allowance(()) is None for rule in parts.rules):
            parts.display.warn(
                "no rule limits the labels: `budget` counts with stopping=[budget,...] only, and without it up to "
                f"{len(manifest.ids(Split.POOL))} samples are asked for."
            )
    broken = unreadable(parts.images, parts.display, announce=not parts.is_control)
    if not parts.is_control and (empty := parts.annotator.never(manifest.classes)):
        parts.display.warn(
            f"no picture of {manifest.name} is of class {listed(empty)}: it cannot be learnt; "
            "add pictures of it, or leave it out with data.classes=[...]."
        )
    given = () if parts.annotator.simulated else _given_annotations(manifest, {row[0] for row in broken})
    opened = RunOpened(
        config=dict(parts.config),
        command=parts.command,
        cwd=os.getcwd(),
        strategy=parts.strategy_name,
        metric=headline(manifest.task),
        digests=manifest.digests(),
        data=data_facts(
            manifest, given=len(given), shape=[int(side) for side in parts.images.shape], **chosen_model(parts.chosen)
        ),
        unreadable=tuple(broken),
        left_out=tuple(_unanswerable(parts)),
    )
    return NewEvent(0, opened, given)


def chosen_model(sentence: str) -> dict[str, str]:
    """Return which model was chosen for the pictures, for the facts of a run; nothing where the user chose."""
    return {"model": sentence} if sentence else {}


def _given_annotations(manifest: Manifest, broken: set[int]) -> tuple[Annotation, ...]:
    known = manifest.known()
    return tuple(
        Annotation(int(at), decode(manifest.labels[at], manifest.classes), "given", 0, "given", "")
        for at in manifest.ids(Split.POOL)
        if known[at] and int(at) not in broken
    )


def _unanswerable(parts: Parts) -> list[int]:
    """Return pool samples of a simulation that cannot be asked, as nobody knows their true label."""
    pool = parts.images.manifest.ids(Split.POOL)
    left_out = [int(at) for at in pool[~parts.annotator.answerable(pool)]]
    if parts.annotator.simulated and len(left_out) == len(pool):
        raise ConfigError(
            f"annotation=oracle answers from the labels of the data, and {parts.images.manifest.name} has none in its pool; "
            "use annotation=csv_files to have people answer."
        )
    if left_out:
        parts.display.warn(
            f"{len(left_out)} samples of the pool have no label that an oracle could answer with; left out."
        )
    return left_out


def emit(state: RunState, parts: Parts) -> NewEvent:
    """Publish the batch."""
    batch = batch_of(state, parts)
    message = parts.annotator.emit(batch, parts.images) if batch.asks else ""
    return NewEvent(batch.round, BatchEmitted(message))


def collect(state: RunState, parts: Parts) -> list[NewEvent]:
    """Take what has been answered; close the batch, or park the run until people have answered."""
    batch, round_ = batch_of(state, parts), state.rounds[-1]
    events = received(state, batch, parts.annotator, new_annotations)
    fresh = tuple(row for event in events for row in event.annotations)
    rows = {row.sample_id: row for row in (*state.annotations.values(), *fresh)}
    waiting = {ask.sample_id for ask in round_.reviews if rows[ask.sample_id].round < batch.round}
    back = parts.annotator.taken_back(batch) & rows.keys()  # in the ledger already, and nobody stands by it
    missing = [sample_id for sample_id in batch.ids() if sample_id not in rows or sample_id in waiting | back]
    if missing and (back or parts.annotator.partial != "train" or len(missing) == len(batch.asks)):
        # Emitting again is safe, and brings back a file that was lost.
        message = f"{len(batch.asks) - len(missing)} of {len(batch.asks)} answered. {parts.annotator.emit(batch, parts.images)}"
        if not fresh and state.parked == message:
            return []
        return [*events, NewEvent(batch.round, RunParked(message))]
    labels = {sample_id: row.label for sample_id, row in rows.items()}
    asked = [ask.sample_id for ask in round_.asks]
    answered = [sample_id for sample_id in asked if labels.get(sample_id) is not None]
    closed = BatchClosed(
        answered=len(answered),
        skipped=sum(labels.get(sample_id, "") is None for sample_id in asked),
        missing=tuple(missing),
        labels=tuple(labels.get(sample_id) for sample_id in asked),
        reviewed=tuple(labels[ask.sample_id] for ask in round_.reviews),
        pool={**_cost(parts, answered), **_work(parts, batch)},
    )
    return [*events, NewEvent(batch.round, closed)]


def _cost(parts: Parts, answered: Sequence[int]) -> dict[str, float]:
    """Return what the answers of a batch cost, those of the test set too, where the data have a column of costs.

    Skipped samples cost nothing; one that was left unanswered costs in the batch in which it is answered.
    """
    costs = parts.images.manifest.columns.get("cost")
    return {} if costs is None else {"cost": float(costs[list(answered)].astype(np.float64).sum())}


def _work(parts: Parts, batch: Batch) -> Mapping[str, float]:
    """Return what an annotator says of its work, such as seconds an answer."""
    return parts.annotator.facts(batch) if batch.asks else {}


def train(state: RunState, parts: Parts, bench: Workbench) -> NewEvent:
    """Train this round's model on all labels so far."""
    start = time.perf_counter()
    round_ = state.rounds[-1].round
    labelled = training_set(state, parts.images.manifest)
    if not len(labelled) and not state.rounds[-1].asks:
        raise ConfigError("there is no label to begin with: the data bring none and seed_size is 0; raise seed_size.")
    if not len(labelled):
        raise AnnotationError(
            f"round {round_} brought no label (all {len(state.rounds[-1].asks)} were skipped), so there is nothing to train "
            "on; answer some of them in the batch file and run again, or start with a larger seed_size."
        )
    previous = _previous(state, parts, bench)
    model = parts.learner.fit(
        parts.images,
        labelled,
        validation_set(state, parts.images.manifest),
        seed=derive(parts.settings.seed, round_, "train"),
        previous=previous,
        progress=parts.display.progress,
    )
    reference = bench.blobs.put(model.save, ".pt")
    bench.models = {reference: model}
    seconds = {"train": time.perf_counter() - start}
    trained = ModelTrained(reference, _finite(model.info), len(labelled), labels_digest(labelled), seconds)
    return NewEvent(round_, trained)


def _previous(state: RunState, parts: Parts, bench: Workbench) -> FittedModel | None:
    """Return last round's model, unless the learner says that it has no use for it."""
    if len(state.rounds) < 2 or not parts.learner.needs_previous:
        return None
    return bench.model(state.rounds[-2].checkpoint, parts)


def measure(state: RunState, parts: Parts, bench: Workbench) -> NewEvent:
    """Measure on the held-out set; empty metrics where there is none."""
    start = time.perf_counter()
    manifest = parts.images.manifest
    round_ = state.rounds[-1]
    test = test_set(state, manifest)
    measured = HoldoutMeasured({})
    if len(test):
        model = bench.model(round_.checkpoint, parts)
        predictions = model.predict(
            parts.images, test.ids, Need.PROBS, seed=derive(parts.settings.seed, round_.round, "draws")
        )
        assert predictions.probs is not None
        result = held_out(predictions.probs, test.labels, manifest.task, manifest.classes)
        measured = HoldoutMeasured(
            metrics=_finite(result.metrics),
            per_class={name: _finite(row) for name, row in result.per_class.items()},
            confusion=None if result.confusion is None else np.asarray(result.confusion).tolist(),
        )
    measured = replace(measured, outlook=_ahead(state, parts, measured.metrics), **_watched(state, parts, bench))
    _drop_old(state, parts, bench)
    return NewEvent(round_.round, replace(measured, seconds={"measure": time.perf_counter() - start}))


def _ahead(state: RunState, parts: Parts, metrics: Mapping[str, float]) -> dict[str, float]:
    """Return what the next batch is expected to bring, by the rounds of this arm alone; nothing while there are too few."""
    name, last = state.opened.metric, state.rounds[-1].trained
    assert last is not None
    rounds = [*((each.labelled, each.metrics) for each in state.records), (last.labelled, metrics)]
    known = [(count, scores[name]) for count, scores in rounds if name in scores]
    forecast = outlook([count for count, _ in known], [score for _, score in known], parts.settings.query_size)
    return {} if forecast is None or name not in metrics else asdict(forecast)


def audit(state: RunState, parts: Parts, bench: Workbench) -> NewEvent:
    """Judge the labels gathered so far."""
    assert parts.auditor is not None
    start = time.perf_counter()
    audited = parts.auditor.audit(parts, state, bench.blobs)
    for message in audited.messages[:1]:
        parts.display.say(f"labels: {message}")
    return NewEvent(len(state.rounds), replace(audited, seconds={"audit": time.perf_counter() - start}))


def _drop_old(state: RunState, parts: Parts, bench: Workbench) -> None:
    """Drop the model that nothing reads from here on; two rounds that learnt the same share one file."""
    kept = {late.checkpoint for late in state.rounds[-parts.rounds_kept :]}
    for old in state.rounds[: -parts.rounds_kept][-1:]:  # those before it were dropped with the rounds before
        if old.checkpoint not in kept:
            bench.blobs.drop(old.checkpoint)


def _watched(state: RunState, parts: Parts, bench: Workbench) -> dict[str, Any]:
    """Return what stopping rules ask of the pool: predictions on a stop set that never changes (labelled or not)."""
    if not parts.wants & {"kappa", "changed", "uncertainty"}:
        return {}
    manifest, round_ = parts.images.manifest, state.rounds[-1]
    pool = np.setdiff1d(manifest.ids(Split.POOL), np.array(state.opened.broken, dtype=np.int64))
    ids = np.sort(generator(parts.settings.seed, 0, "stop set").permutation(pool)[: parts.settings.stop_set])
    model = bench.model(round_.checkpoint, parts)
    probs = model.predict(parts.images, ids, Need.PROBS, seed=derive(parts.settings.seed, round_.round, "draws")).probs
    assert probs is not None
    several = manifest.task is Task.MULTILABEL
    predicted = (probs >= 0.5).astype(np.int8) if several else probs.argmax(axis=1)
    most = np.log(2 if several else len(manifest.classes))
    facts = {"uncertainty": float(entropy(probs, manifest.task).mean() / most)}
    before = state.rounds[-2].measured if len(state.rounds) > 1 else None
    if before and before.stop_set:
        facts |= agreement(bench.blobs.array(before.stop_set), predicted, len(manifest.classes))
    return {"pool": _finite(facts), "stop_set": bench.blobs.put_array(predicted)}


def _finite(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return numbers that exist; one that is not defined (no sample of a class, say) is left out, never put as zero."""
    return {name: float(value) for name, value in numbers.items() if np.isfinite(value)}

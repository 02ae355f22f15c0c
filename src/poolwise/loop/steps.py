"""The steps of a round: each turns (state, parts) into the facts to append. Arrays are written before the fact."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from poolwise.errors import AnnotationError, ConfigError, DataError, UnreadableImages, listed
from poolwise.ledger.blobs import Blobs
from poolwise.ledger.events import Kind
from poolwise.ledger.state import RunState
from poolwise.loop.parts import Parts
from poolwise.loop.samples import in_groups_of, labels_digest, pool_left, test_set, training_set, validation_set
from poolwise.metric.classification import headline, held_out
from poolwise.protocols import FittedModel
from poolwise.seeds import derive, generator
from poolwise.types import (
    Annotation,
    Answer,
    Ask,
    Batch,
    Ids,
    Manifest,
    Need,
    PoolView,
    Predictions,
    Query,
    Split,
    Task,
    decode,
)


@dataclass(frozen=True)
class Fact:
    """An event to append, with the annotations it brings."""

    kind: Kind
    round: int
    body: dict[str, Any]
    annotations: tuple[Annotation, ...] = ()


@dataclass
class Workbench:
    """What a process keeps at hand between steps; all of it can be had again from the run folder."""

    blobs: Blobs
    models: dict[str, FittedModel] = field(default_factory=dict)

    def model(self, reference: str, parts: Parts) -> FittedModel:
        """The model of a checkpoint, from memory or disk."""
        if reference not in self.models:
            self.models.clear()
            self.models[reference] = parts.learner.load(self.blobs.path(reference), parts.images)
        return self.models[reference]


def batch_of(state: RunState, parts: Parts, round_: int | None = None) -> Batch:
    """A round's batch (the last one's, if not said)."""
    manifest = parts.images.manifest
    at = state.rounds[-1] if round_ is None else state.rounds[round_]
    return Batch(at.round, at.asks, manifest.classes, manifest.task, parts.folder)


def open_run(parts: Parts) -> Fact:
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
    unreadable = _unreadable(parts)
    never = getattr(parts.annotator, "never", None)
    if never and not parts.is_control and (empty := never(manifest.classes)):
        parts.display.warn(
            f"no picture of {manifest.name} is of class {listed(empty)}: it cannot be learnt; "
            "add pictures of it, or leave it out with data.classes=[...]."
        )
    given = () if parts.annotator.simulated else _given_annotations(manifest, {row[0] for row in unreadable})
    body = {
        "config": dict(parts.config),
        "command": parts.command,
        "cwd": os.getcwd(),
        "strategy": parts.strategy_name,
        "metric": headline(manifest.task),
        "digests": manifest.digests(),
        "data": {**_data_facts(manifest, len(given)), "shape": [int(side) for side in parts.images.shape]},
        "unreadable": unreadable,
        "left_out": _unanswerable(parts),
    }
    return Fact(Kind.RUN_OPENED, 0, body, given)


def _unreadable(parts: Parts) -> list[tuple[int, str, str]]:
    manifest = parts.images.manifest
    found = parts.images.unreadable(parts.display.progress)
    rows = [(int(sample_id), manifest.paths[sample_id], why) for sample_id, why in found]
    allowed = getattr(parts.images, "max_unreadable", 0.0)
    if len(rows) > allowed * len(manifest):
        named = "\n  ".join(f"{path}: {why}" for _, path, why in rows[:20])
        raise UnreadableImages(
            f"{len(rows)} of {len(manifest)} pictures cannot be read, more than data.max_unreadable={allowed:g} allows:\n"
            f"  {named}\nMend or remove them, or raise data.max_unreadable to leave them out."
        )
    if rows and not parts.is_control:
        parts.display.warn(
            f"{len(rows)} of {len(manifest)} pictures cannot be read and are left out: {listed(path for _, path, _ in rows)}"
        )
    return rows


def _given_annotations(manifest: Manifest, broken: set[int]) -> tuple[Annotation, ...]:
    known = manifest.known()
    return tuple(
        Annotation(int(at), decode(manifest.labels[at], manifest.classes), "given", 0, "given", "")
        for at in manifest.ids(Split.POOL)
        if known[at] and int(at) not in broken
    )


def _unanswerable(parts: Parts) -> list[int]:
    """In a simulation, pool samples whose true label nobody knows cannot be asked."""
    answerable = getattr(parts.annotator, "answerable", None)
    if answerable is None:
        return []
    pool = parts.images.manifest.ids(Split.POOL)
    left_out = [int(at) for at in pool[~answerable(pool)]]
    if len(left_out) == len(pool):
        raise ConfigError(
            f"annotation=oracle answers from the labels of the data, and {parts.images.manifest.name} has none in its pool; "
            "use annotation=csv_files to have people answer."
        )
    if left_out:
        parts.display.warn(
            f"{len(left_out)} samples of the pool have no label that an oracle could answer with; left out."
        )
    return left_out


def _data_facts(manifest: Manifest, given: int) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "digest": manifest.digest(),
        "task": manifest.task.value,
        "classes": list(manifest.classes),
        "pool": len(manifest.ids(Split.POOL)),
        "validation": len(manifest.ids(Split.VALIDATION)),
        "test": len(manifest.ids(Split.TEST)),
        "given": given,
    }


def select(state: RunState, parts: Parts, bench: Workbench, size: int) -> Fact:
    """Choose the next batch: at random in round 0, by the strategy afterwards."""
    start = time.perf_counter()
    round_ = len(state.rounds)
    candidates = pool_left(state, parts.images.manifest)
    if round_ and size == len(candidates) < parts.settings.query_size and not parts.is_control:
        parts.display.warn(
            f"query_size is {parts.settings.query_size}, and {size} samples are left: all of them are asked for."
        )
    rng = generator(parts.settings.seed, round_, "query")
    holdout: list[int] = []
    if round_ == 0:
        # The purpose names no strategy: a run and its random control begin with the same seed set.
        shuffled = generator(parts.settings.seed, 0, "seed set").permutation(candidates)
        holdout = [int(sample_id) for sample_id in shuffled[: min(parts.settings.test_size, size)]]
        rest = shuffled[len(holdout) :]
        rest = rest[~in_groups_of(holdout, rest, parts.images.manifest)][: size - len(holdout)]
        picked = np.concatenate([shuffled[: len(holdout)], rest])
        query = Query(picked, np.zeros(len(picked), np.float32), {})
        asks = _asks(query, None, parts, dict.fromkeys(holdout, "test set, at random"), "seed set, at random")
    else:
        model = bench.model(state.rounds[-1].trained["checkpoint"], parts)
        view = _view(state, parts, model, candidates, round_)
        query = parts.strategy.select(view, size, rng)
        suggestions = _suggestions(view, query, parts, model, round_)
        asks = _asks(query, suggestions, parts, {}, "")
    seconds = {"select": time.perf_counter() - start}
    return Fact(
        Kind.BATCH_QUERIED, round_, {"asks": [asdict(ask) for ask in asks], "holdout": holdout, "seconds": seconds}
    )


def _view(state: RunState, parts: Parts, model: FittedModel, candidates: Ids, round_: int) -> PoolView:
    """Exactly what the strategy declared, and nothing else."""
    needs = parts.strategy.needs
    wanted = needs & ~Need.LABELLED_EMBEDDINGS
    seed = derive(parts.settings.seed, round_, "draws")
    progress = parts.display.progress
    pool = (
        model.predict(parts.images, candidates, wanted, seed=seed, progress=progress)
        if wanted
        else Predictions(candidates)
    )
    labelled = training_set(state, parts.images.manifest)
    known = None
    if Need.LABELLED_EMBEDDINGS in needs:
        known = model.predict(parts.images, labelled.ids, Need.EMBEDDINGS, seed=seed).embeddings
    return PoolView(
        ids=candidates,
        task=parts.images.manifest.task,
        probs=pool.probs,
        embeddings=pool.embeddings,
        log_probs_nkc=pool.log_probs_nkc,
        labelled_ids=labelled.ids,
        labels=labelled.labels,
        labelled_embeddings=known,
    )


def _suggestions(view: PoolView, query: Query, parts: Parts, model: FittedModel, round_: int) -> Predictions:
    """The model's own answers for the batch; computed for the batch alone where the strategy did not need them."""
    if view.probs is not None:
        rows = np.searchsorted(view.ids, query.ids)
        return Predictions(query.ids, view.probs[rows])
    order = np.argsort(query.ids)
    found = model.predict(parts.images, query.ids[order], Need.PROBS, seed=derive(parts.settings.seed, round_, "draws"))
    assert found.probs is not None
    probs = np.empty_like(found.probs)
    probs[order] = found.probs
    return Predictions(query.ids, probs)


def _asks(
    query: Query, suggestions: Predictions | None, parts: Parts, special: Mapping[int, str], otherwise: str
) -> list[Ask]:
    manifest = parts.images.manifest
    reasons = query.reasons.get("reason")
    asks = []
    for at, sample_id in enumerate(query.ids.tolist()):
        probs = None if suggestions is None or suggestions.probs is None else suggestions.probs[at]
        reason = special.get(sample_id) or (
            otherwise if reasons is None else _named(str(reasons[at]), manifest.classes)
        )
        asks.append(
            Ask(
                sample_id=sample_id,
                path=manifest.paths[sample_id],
                suggestion=None if probs is None else _suggested(probs, manifest),
                probability=None if probs is None else _sureness(probs, manifest.task),
                score=None if suggestions is None else float(query.scores[at]),
                reason=reason,
            )
        )
    return asks


def _suggested(probs: Any, manifest: Manifest) -> Any:
    if manifest.task is Task.MULTILABEL:
        return decode((probs >= 0.5).astype(np.int8), manifest.classes)
    return manifest.classes[int(np.argmax(probs))]


def _sureness(probs: Any, task: Task) -> float:
    """Probability of the suggestion; for several labels, of the least sure one."""
    return float(np.maximum(probs, 1 - probs).min() if task is Task.MULTILABEL else probs.max())


def _named(reason: str, classes: Sequence[str]) -> str:
    """Strategies see numbers alone: "class 3" becomes the class's name."""
    words = reason.split(" ")
    for at, word in enumerate(words[:-1]):
        number = words[at + 1].rstrip(",.;:)")
        if word.lstrip("(") == "class" and number.isdigit() and int(number) < len(classes):
            words[at] = word.replace("class", "")
            words[at + 1] = words[at + 1].replace(number, repr(classes[int(number)]), 1)
    return " ".join(word for word in words if word)


def emit(state: RunState, parts: Parts) -> Fact:
    """Publish the batch."""
    batch = batch_of(state, parts)
    message = parts.annotator.emit(batch, parts.images) if batch.asks else ""
    return Fact(Kind.BATCH_EMITTED, batch.round, {"message": message})


def collect(state: RunState, parts: Parts) -> list[Fact]:
    """Take what has been answered; close the batch, or park the run until people have answered."""
    batch = batch_of(state, parts)
    facts = []
    answers = parts.annotator.collect(batch) if batch.asks else ()
    source = parts.annotator.source
    fresh = new_annotations(state, answers, batch.round, source)
    if fresh:
        facts.append(Fact(Kind.LABELS_RECEIVED, batch.round, {"count": len(fresh), "source": source}, fresh))
    labels = {row.sample_id: row.label for row in (*state.annotations.values(), *fresh)}
    missing = [sample_id for sample_id in batch.ids() if sample_id not in labels]
    if missing and (getattr(parts.annotator, "partial", "wait") != "train" or len(missing) == len(batch.asks)):
        # Emitting again is safe, and brings back a file that was lost.
        message = f"{len(batch.asks) - len(missing)} of {len(batch.asks)} answered. {parts.annotator.emit(batch, parts.images)}"
        if not fresh and state.parked == message:
            return []
        return [*facts, Fact(Kind.RUN_PARKED, batch.round, {"message": message})]
    skipped = sum(labels.get(sample_id, "") is None for sample_id in batch.ids())
    body = {
        "answered": len(batch.asks) - len(missing) - skipped,
        "skipped": skipped,
        "missing": missing,
        "labels": [labels.get(sample_id) for sample_id in batch.ids()],
    }
    return [*facts, Fact(Kind.BATCH_CLOSED, batch.round, body)]


def new_annotations(state: RunState, answers: Sequence[Answer], round_: int, source: str) -> tuple[Annotation, ...]:
    """Answers that say something new; the same answer twice is one fact, a changed one is a correction."""
    return tuple(
        Annotation(answer.sample_id, answer.label, answer.annotator, round_, source, "")
        for answer in answers
        if answer.sample_id not in state.annotations or state.annotations[answer.sample_id].label != answer.label
    )


def train(state: RunState, parts: Parts, bench: Workbench) -> Fact:
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
    body = {
        "checkpoint": reference,
        "fit": _finite(model.info),
        "labelled": len(labelled),
        "labels_digest": labels_digest(labelled),
        "seconds": {"train": time.perf_counter() - start},
    }
    return Fact(Kind.MODEL_TRAINED, round_, body)


def _previous(state: RunState, parts: Parts, bench: Workbench) -> FittedModel | None:
    """Last round's model, for learners that start from it."""
    if len(state.rounds) < 2 or not getattr(parts.learner, "needs_previous", True):
        return None
    return bench.model(state.rounds[-2].trained["checkpoint"], parts)


def measure(state: RunState, parts: Parts, bench: Workbench) -> Fact:
    """Measure on the held-out set; empty metrics where there is none."""
    start = time.perf_counter()
    manifest = parts.images.manifest
    round_ = state.rounds[-1]
    test = test_set(state, manifest)
    body: dict[str, Any] = {"metrics": {}, "per_class": {}, "confusion": None}
    if len(test):
        model = bench.model(round_.trained["checkpoint"], parts)
        found = model.predict(
            parts.images, test.ids, Need.PROBS, seed=derive(parts.settings.seed, round_.round, "draws")
        )
        assert found.probs is not None
        result = held_out(found.probs, test.labels, manifest.task, manifest.classes)
        body = {
            "metrics": _finite(result.metrics),
            "per_class": {name: _finite(row) for name, row in result.per_class.items()},
            "confusion": None if result.confusion is None else np.asarray(result.confusion).tolist(),
        }
    body["seconds"] = {"measure": time.perf_counter() - start}
    if round_.round > 0 and state.rounds[-2].trained["checkpoint"] != round_.trained["checkpoint"]:
        bench.blobs.drop(state.rounds[-2].trained["checkpoint"])  # nothing reads it from here on
    return Fact(Kind.HOLDOUT_MEASURED, round_.round, body)


def _finite(numbers: Mapping[str, float]) -> dict[str, float]:
    """Numbers that exist; one that is not defined (no sample of a class, say) is left out, never put as zero."""
    return {name: float(value) for name, value in numbers.items() if np.isfinite(value)}

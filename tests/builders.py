"""Small stand-ins for the heavy parts, so that the loop can be tested in milliseconds."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from poolwise.annotation.oracle import Oracle
from poolwise.core.files import write_bytes
from poolwise.core.interfaces import ImageSource, Learner, Tracker
from poolwise.core.types import Augmentation, Manifest, Need, Predictions, Split, Task
from poolwise.jobs.loop.parts import Parts, Settings
from poolwise.jobs.loop.stopping.budget import Budget
from poolwise.ledger.events import LabelsReceived, NewEvent, RunOpened
from poolwise.ledger.store import Ledger, OpenLedger
from poolwise.query.top_k import Margin


@dataclass(frozen=True)
class Blobs(ImageSource):
    """Pictures of 2x2 pixels around one grey level a class; `known` pool labels are visible when not hidden."""

    n: int = 120
    classes: int = 3
    hide_labels: bool = True
    known: float = 1.0
    broken: tuple[int, ...] = ()
    max_unreadable: float = 0.1
    task: Task = Task.MULTICLASS
    test: int = 30
    grouped: bool = False

    shape = (1, 2, 2)
    augmentation = Augmentation.NONE
    in_memory = True

    def hidden_labels(self):
        labels = np.arange(self.n) % self.classes
        if self.task is Task.MULTILABEL:
            return np.stack([(labels + at) % 2 for at in range(self.classes)], axis=1).astype(np.int8)
        return labels

    @property
    def manifest(self) -> Manifest:
        labels = self.hidden_labels().copy()
        splits = np.array([Split.POOL.value] * (self.n - self.test) + [Split.TEST.value] * self.test)
        if self.hide_labels:
            labels[splits == "pool"] = -1
        else:
            labels[int(self.known * (self.n - self.test)) : self.n - self.test] = -1
        names = tuple("abcdefgh"[: self.classes])
        paths = tuple(f"blobs/{at:04d}" for at in range(self.n))
        groups = np.array([f"g{at // 3}" for at in range(self.n)]) if self.grouped else None
        return Manifest("blobs", paths, splits, names, self.task, labels, groups, contents=f"{self.n}")

    def read(self, ids):
        rng = np.random.default_rng(0)
        noise = rng.normal(0, 12, (self.n, 1, 2, 2))
        level = 40 + 80 * (np.arange(self.n) % self.classes)
        return np.clip(level[:, None, None, None] + noise, 0, 255).astype(np.uint8)[ids]

    def file(self, sample_id):
        return None

    def unreadable(self, progress=None):
        return [(at, "truncated") for at in self.broken]


WRONG = [4, 17, 33, 52]


@dataclass(frozen=True)
class Mislabelled(Blobs):
    """Blobs whose labels are given, some of them wrong."""

    hide_labels: bool = False
    wrong: tuple = tuple(WRONG)

    @property
    def manifest(self):
        found = super().manifest
        labels = found.labels.copy()
        for at in self.wrong:
            labels[at] = (labels[at] + 1) % self.classes if labels.ndim == 1 else 1 - labels[at]
        truth = np.array([found.classes[at] for at in self.hidden_labels()]) if labels.ndim == 1 else None
        return replace(found, labels=labels, columns={} if truth is None else {"truth": truth})


@dataclass
class Means:
    """A fitted model that compares a picture with the mean of each class, jittered by its training seed."""

    centres: np.ndarray
    multilabel: bool = False
    info: dict = field(default_factory=lambda: {"steps": 1.0})

    def predict(self, images, ids, needs, *, seed, progress=None):
        x = images.read(ids).reshape(len(ids), -1).astype(np.float32)
        logits = -((x[:, None] - self.centres[None]) ** 2).mean(axis=2) / 500
        if self.multilabel:
            probs = 1 / (1 + np.exp(-logits - 1))
        else:
            probs = np.exp(logits - logits.max(axis=1, keepdims=True))
            probs /= probs.sum(axis=1, keepdims=True)
        return Predictions(
            ids, probs.astype(np.float32) if Need.PROBS in needs else None, x if Need.EMBEDDINGS in needs else None
        )

    def save(self, path: Path) -> None:
        buffer = io.BytesIO()
        np.savez(buffer, centres=self.centres, multilabel=self.multilabel)
        write_bytes(path, buffer.getvalue())

    def exported(self):
        raise NotImplementedError


@dataclass(frozen=True)
class MeansLearner(Learner):
    needs_previous: bool = False

    def fit(self, images, train, validation, *, seed, previous=None, progress=None):
        x = images.read(train.ids).reshape(len(train), -1).astype(np.float64)
        several = train.labels.ndim == 2
        classes = len(images.manifest.classes)
        rng = np.random.default_rng(seed)
        centres = np.full((classes, x.shape[1]), 128.0)
        for at in range(classes):
            mine = train.labels[:, at] == 1 if several else train.labels == at
            if mine.any():
                centres[at] = x[mine].mean(axis=0)
        return Means(centres + rng.normal(0, 3, centres.shape), several)

    def load(self, path, images):
        with np.load(path) as file:
            return Means(file["centres"], bool(file["multilabel"]))


@dataclass
class Told(Tracker):
    """A tracker that remembers what it was told."""

    runs: list = field(default_factory=list)

    def sync(self, run, *, model=None, files=None, round_figures=None):
        self.runs.append(run)
        return True


@dataclass
class Quiet:
    """A display that keeps its lines."""

    lines: list = field(default_factory=list)

    def say(self, line):
        self.lines.append(line)

    warn = say

    def progress(self, what, done, total):
        pass

    def round_done(self, run, budget):
        self.lines.append(f"round {run.rounds[-1].round}")


def parts(folder: Path, images: Blobs | None = None, **changes) -> Parts:
    """A loop over blobs: 4 labels to begin with, 4 a round, 20 in all."""
    images = images or Blobs()
    annotator = changes.pop("annotator", None) or Oracle().knowing(images)
    images = replace(images, hide_labels=annotator.simulated)
    built = Parts(
        run="blobs",
        folder=folder / "blobs",
        settings=Settings(seed=0, seed_size=4, query_size=4),
        config={"seed": 0, "budget": 20, "query": {"name": "margin"}},
        strategy_name="margin",
        images=images,
        learner=MeansLearner(),
        strategy=Margin(),
        annotator=annotator,
        rules=(Budget(20),),
        tracker=Told(),
        display=Quiet(),
    )
    return replace(built, **changes)


def ledger(folder: Path) -> OpenLedger:
    return Ledger(f"sqlite:///{folder / 'ledger.db'}").open()


def opened(*annotations, **changes) -> NewEvent:
    """The first event of a run of which nothing matters."""
    facts = {
        "config": {},
        "command": "",
        "cwd": "",
        "strategy": "margin",
        "metric": "accuracy",
        "digests": {},
        "data": {},
    }
    return NewEvent(0, RunOpened(**{**facts, **changes}), annotations)


def received(*annotations) -> NewEvent:
    """Answers of round 0."""
    return NewEvent(0, LabelsReceived(len(annotations), "csv"), annotations)

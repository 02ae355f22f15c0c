"""A comparison over grey pictures, some of them mislabelled: milliseconds a training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from builders import Blobs, MeansLearner, Quiet
from poolwise.core.parallel import HERE
from poolwise.core.types import Task
from poolwise.jobs.audit.parts import AuditParts
from poolwise.jobs.audit.settings import AuditConfig
from poolwise.jobs.compare.parts import CompareParts
from poolwise.jobs.compare.settings import CompareConfig
from poolwise.jobs.trainings.fits import fit_and_score
from poolwise.quality.label_error.find import find_label_errors
from poolwise.quality.pruning.label_errors import ByLabelErrors
from poolwise.report.tracking.none import NoTracker


@dataclass(frozen=True)
class Noisy(Blobs):
    """Blobs of which every tenth label is wrong, in training and test set; a column has what people say of some."""

    hide_labels: bool = False
    n: int = 240
    test: int = 60
    every: int = 10
    checked: str = "all"

    @property
    def manifest(self):
        found, right = super().manifest, self.hidden_labels()
        labels = found.labels.copy()
        if self.task is Task.MULTICLASS and self.every:
            labels[:: self.every] = (right[:: self.every] + 1) % self.classes
        names = np.array([found.classes[at] for at in right]) if right.ndim == 1 else np.full(self.n, "")
        seen = {
            "all": slice(0),
            "test": slice(self.n - self.test),
            "train": slice(self.n - self.test, None),
            "": slice(None),
        }
        names[seen[self.checked]] = ""
        return replace(found, labels=labels, columns={"truth": names})


@dataclass(frozen=True)
class Near:
    """Near-copies as pairs of sample ids."""

    couples: tuple = ()

    def __call__(self, ids, embeddings):
        kept = [pair for pair in self.couples if set(pair) <= set(ids.tolist())]
        pairs = np.searchsorted(ids, np.array(kept, dtype=np.int64).reshape(-1, 2))
        groups = np.full(len(ids), -1)
        for number, pair in enumerate(pairs):
            groups[pair] = number
        return Found(pairs, np.ones(len(pairs), dtype=np.float32), groups, np.zeros(len(pairs), dtype=np.bool_))


@dataclass(frozen=True)
class Found:
    """Near-copies among rows."""

    pairs: np.ndarray
    similarity: np.ndarray
    groups: np.ndarray
    exact: np.ndarray


@dataclass
class Counted:
    """Trains, and remembers what: (name, training set) of each model."""

    images: Blobs
    stop_after: int = 10_000
    fits: list = field(default_factory=list)

    def __call__(self, fit):
        if len(self.fits) == self.stop_after:
            raise KeyboardInterrupt
        self.fits.append(fit)
        fit_and_score(fit, self.images, MeansLearner())


def find(labels, probs, embeddings, groups, margins=None):
    return find_label_errors(labels, probs, method="odds")


def compare_parts(
    folder: Path, images: Blobs | None = None, pruning=None, couples=(), tracker=None, config=None, **settings
):
    """Everything over fakes; `.audit.work.fits` says what was trained."""
    images = images or Noisy()
    display = Quiet()
    audit = AuditParts(
        run="fakes", folder=folder / "fakes", cache=folder / "cache",
        settings=AuditConfig(folds=3, budget=0, jobs=HERE), config={}, method="odds", images=images,
        members={"model": {"learner": "means"}}, work=Counted(images), embed=lambda ids: None, duplicates=Near(couples),
        find=find, annotator=None, tracker=NoTracker(), display=display,
    )  # fmt: skip
    return CompareParts(
        run="fakes", folder=folder / "fakes", settings=CompareConfig(**{"seeds": (0, 1), **settings}),
        config=config or {"pruning": {"share": None}, "jobs": 0}, method="label_errors", audit=audit,
        pruning=pruning or ByLabelErrors(), tracker=tracker or NoTracker(), display=display,
    )  # fmt: skip


@pytest.fixture
def fakes(tmp_path):
    def make(images=None, **options):
        return compare_parts(tmp_path, images, **options)

    return make


@pytest.fixture
def noisy():
    """The class of the pictures."""
    return Noisy

"""An experiment over grey pictures with a learner whose error falls as a power of its labels: milliseconds a training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from builders import Blobs, Quiet
from poolwise.core.parallel import HERE
from poolwise.core.types import Predictions, Task
from poolwise.jobs.samplesize.measured import Imported, Point
from poolwise.jobs.samplesize.parts import SampleSizeParts, Training
from poolwise.jobs.samplesize.settings import SampleSizeConfig
from poolwise.jobs.trainings.fits import fit_and_score
from poolwise.metric.curve.posterior import Prior
from poolwise.report.tracking.none import NoTracker

TRAINED = Training(
    {"learner": "guesser"}, "Held constant: 7 steps.", "All are trained with 7 steps.", ("7 steps are few.",)
)


@dataclass
class Guesser:
    """Right but for a share of n^-0.5 of the test samples."""

    labels: int
    truth: np.ndarray

    def predict(self, images, ids, needs, *, seed, progress=None):
        truth = self.truth[ids]
        rng = np.random.default_rng(seed)
        wrong = rng.random(len(ids)) < self.labels**-0.5
        if truth.ndim == 2:
            said = np.where(wrong[:, None], 1 - truth, truth).astype(np.float32)
            return Predictions(ids, 0.2 + 0.6 * said, None)
        said = np.where(wrong, (truth + 1) % 3, truth)
        return Predictions(ids, np.eye(3, dtype=np.float32)[said], None)


@dataclass(frozen=True)
class Learner:
    truth: np.ndarray

    def fit(self, images, train, validation, *, seed, previous=None, progress=None):
        return Guesser(len(train), self.truth)


@dataclass(frozen=True)
class Misled:
    """Learns as much as the labels tell, less three for each wrong one."""

    truth: np.ndarray

    def fit(self, images, train, validation, *, seed, previous=None, progress=None):
        wrong = int((train.labels != self.truth[train.ids]).sum())
        return Guesser(max(2, len(train) - 3 * wrong), self.truth)


class Mistaken:
    """Pictures with other labels than the hidden ones."""

    def __init__(self, images, labels):
        self.images, self.manifest = images, replace(images.manifest, labels=labels)

    def __getattr__(self, name):
        return getattr(self.images, name)


@dataclass
class Counted:
    """Trains, and remembers what."""

    images: Blobs
    stop_after: int = 10_000
    learner: type = Learner
    fits: list = field(default_factory=list)

    def __call__(self, fit):
        if len(self.fits) == self.stop_after:
            raise KeyboardInterrupt
        self.fits.append(fit)
        fit_and_score(fit, self.images, self.learner(self.images.hidden_labels()))


def experiment(folder: Path, images=None, *, tracker=None, config=None, points=None, work=None, clean=None, **settings):
    """Everything over fakes; `.work.fits` says what was trained."""
    images = images or Blobs(n=1500, test=500, hide_labels=False)
    chosen = {"jobs": HERE, "target": 0.97, "repeats": (3, 3, 2, 2, 2), **settings}
    imported = None if points is None else Imported("p.csv", "0" * 64, "accuracy", tuple(points))
    return SampleSizeParts(
        run="fakes", folder=folder / "fakes", cache=folder / "cache", settings=SampleSizeConfig(**chosen),
        config=config or {"hold": "steps", "target": 0.97, "jobs": 0}, method="guesser", prior=Prior(),
        tracker=tracker or NoTracker(), display=Quiet(), images=images if points is None else None,
        learner=lambda smallest, largest: TRAINED,
        work=work or Counted(images), imported=imported, clean=clean,
    )  # fmt: skip


@pytest.fixture
def fakes(tmp_path):
    def make(images=None, **options):
        return experiment(tmp_path, images, **options)

    return make


@pytest.fixture
def measured_points():
    """Scores on 1 - n^-0.5 with a little scatter, at as many sizes as asked for."""

    def make(sizes=(100, 200, 400, 800, 1600), scatter=0.002):
        rng = np.random.default_rng(0)
        return [
            Point(size, repeat, {"accuracy": float(1 - size**-0.5 + rng.normal(0, scatter))})
            for size in sizes
            for repeat in range(3)
        ]

    return make


@pytest.fixture
def several():
    """Pictures with several classes each."""
    return Blobs(n=1500, test=500, hide_labels=False, task=Task.MULTILABEL)


@pytest.fixture
def mistaken(fakes):
    """An experiment in which every fifth label is wrong, and the truth as cleaned labels."""
    images = Blobs(n=1500, test=500, hide_labels=False)
    truth = images.hidden_labels().copy()
    wrong = truth.copy()
    wrong[::5] = (wrong[::5] + 1) % 3
    return fakes(Mistaken(images, wrong), clean=truth, work=Counted(images, learner=Misled))

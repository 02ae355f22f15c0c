from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from builders import Blobs, Means, MeansLearner, ledger, parts
from poolwise.core.interfaces import QueryStrategy
from poolwise.core.types import Need, Predictions, Query, Task
from poolwise.jobs.loop.runner import run_loop
from poolwise.jobs.loop.stopping.budget import Budget
from poolwise.query.candidates import Candidates


def ran(folder, share, budget=80, **changes):
    folder.mkdir(exist_ok=True)
    settings = replace(parts(folder).settings, query_size=8)
    built = parts(
        folder, rules=(Budget(budget),), settings=settings, candidates=Candidates(random_share=share), **changes
    )
    return run_loop(built, ledger(folder))


def test_the_slice_tells_how_right_the_model_is_about_the_pool(tmp_path):
    record = ran(tmp_path, 0.5)
    round_ = record.rounds[1]
    marked = [at for at, ask in enumerate(round_.asks) if ask.details["random_slice"]]
    right = [round_.asks[at].suggestion == round_.labels[at] for at in marked]
    assert len(marked) == round_.pool["slice_asked"] == 4
    assert round_.pool["slice_accuracy"] == np.mean(right)


def test_regret_is_the_difference_of_two_accuracies_with_an_interval(tmp_path):
    found = ran(tmp_path, 0.5).regret
    assert found["regret"] == pytest.approx(found["drawn"] - found["chosen"])
    assert found["low"] <= found["regret"] <= found["high"]
    assert found["tested"] == 30
    assert found["labels"] == 4 + 38


def test_regret_needs_samples_that_no_strategy_ever_saw(tmp_path):
    images = Blobs(n=90, test=0)
    assert ran(tmp_path, 0.5, images=images).regret == {}
    settings = replace(parts(tmp_path).settings, query_size=8, test_size=20)
    built = parts(tmp_path, run="held", rules=(Budget(60),), settings=settings, images=images)
    found = run_loop(replace(built, candidates=Candidates(random_share=0.5)), ledger(tmp_path)).regret
    assert found["tested"] == 20


@dataclass(frozen=True)
class Things(Blobs):
    """Pictures of 60 things: three of each in the pool, one in the test set. The class of a thing is drawn by lot."""

    n: int = 240
    test: int = 60

    def hidden_labels(self):
        return np.random.default_rng(5).integers(3, size=60)[np.arange(240) % 60]


class Remembering(MeansLearner):
    """Knows the things that it was shown and says "a" of all others."""

    def fit(self, images, train, validation, *, seed, previous=None, progress=None):
        centres = np.full(60, 0)
        centres[train.ids % 60] = train.labels
        return Remembered(centres)

    def load(self, path, images):
        return Remembered(super().load(path, images).centres)


class Remembered(Means):
    def predict(self, images, ids, needs, *, seed, progress=None):
        return Predictions(ids, np.eye(3, dtype=np.float32)[self.centres[ids % 60]])


@dataclass(frozen=True)
class Picking(QueryStrategy):
    """Takes the candidates of lowest rank, drawn ties; the rank may look at the ids of what is labelled."""

    rank: Callable[[NDArray, NDArray], NDArray]
    needs: ClassVar[Need] = Need.NOTHING

    def select(self, view, size, rng):
        order = rng.permutation(len(view))
        rows = order[np.argsort(self.rank(view.ids, view.labelled_ids)[order], kind="stable")][:size]
        return Query(view.ids[rows], np.zeros(size, np.float32), {"reason": np.array(["picked"] * size)})


ONE_CLASS = Picking(lambda ids, known: Things().hidden_labels()[ids] != 0)
NEW_THINGS = Picking(lambda ids, known: np.isin(ids % 60, known % 60) + _repeated(ids % 60))
BY_LOT = Picking(lambda ids, known: np.zeros(len(ids)))


def _repeated(things):
    first = np.unique(things, return_index=True)[1]
    return ~np.isin(np.arange(len(things)), first)


def regrets(folder, strategy):
    found = []
    for seed in range(4):
        settings = replace(parts(folder).settings, seed=seed, query_size=16, compare_batches=False)
        at = folder / str(seed)
        at.mkdir()
        built = parts(at, images=Things(), learner=Remembering(), strategy=strategy, rules=(Budget(84),))
        built = replace(built, settings=settings, candidates=Candidates(random_share=0.5))
        found.append(run_loop(built, ledger(at)).regret)
    return found


def test_a_strategy_that_asks_for_one_class_alone_is_regretted(tmp_path):
    assert all(found["low"] > 0 for found in regrets(tmp_path, ONE_CLASS))


def test_a_strategy_that_asks_for_new_things_is_not_though_it_stays_away_from_the_slice(tmp_path):
    """Tested on the slice, whose things it never asks for again, it would look worse than drawing."""
    assert np.mean([found["regret"] for found in regrets(tmp_path, NEW_THINGS)]) < -0.05


def test_of_drawing_nothing_is_regretted(tmp_path):
    assert sum(found["low"] <= 0 <= found["high"] for found in regrets(tmp_path, BY_LOT)) >= 3


def test_without_a_slice_nothing_is_claimed(tmp_path):
    record = ran(tmp_path, 0.0)
    assert record.regret == {}
    assert "slice_accuracy" not in record.rounds[1].pool
    assert ran(tmp_path / "few", 0.1, budget=40).regret == {}


def test_several_labels_are_right_where_all_are(tmp_path):
    found = ran(tmp_path, 0.5, images=Blobs(task=Task.MULTILABEL)).regret
    assert 0 <= found["drawn"] <= 1

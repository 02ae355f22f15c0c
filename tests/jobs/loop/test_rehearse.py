from dataclasses import dataclass, replace

import numpy as np
import pytest

from builders import Blobs, MeansLearner, ledger, parts
from poolwise.core.errors import ConfigError
from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import Task
from poolwise.jobs.loop.rehearse import rehearse
from poolwise.jobs.loop.runner import run_loop
from poolwise.query.bait import Bait
from poolwise.query.candidates import Candidates
from poolwise.query.disagreement import Bald
from poolwise.query.k_means import KMeans
from poolwise.query.multilabel import MaxEntropy
from poolwise.query.objectives import Objectives


@dataclass(frozen=True)
class Placed(Blobs):
    @property
    def manifest(self):
        places = np.array(["in", "out"] * (self.n // 2))
        return replace(super().manifest, columns={"cost": 1.0 + np.arange(self.n), "place": places})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"strategy": MaxEntropy()}, "defined for multilabel"),
        ({"strategy": Objectives(cost="Cost")}, "cost"),
        ({"strategy": Objectives(cost="place")}, "place"),
        ({"candidates": Candidates(weight="price")}, "price"),
        ({"candidates": Candidates(group="place", shares={"inn": 1.0})}, "names inn.*in, out"),
    ],
)
def test_what_cannot_work_is_refused_before_anybody_is_asked(tmp_path, changes, told):
    book = ledger(tmp_path)
    with pytest.raises(ConfigError, match=told):
        run_loop(parts(tmp_path, images=Placed(), **changes), book)
    assert book.events("blobs") == []


class Seeing(MeansLearner):
    def embed(self, images, ids, progress=None):
        return images.read(ids).reshape(len(ids), -1).astype(np.float32)


@pytest.mark.parametrize(
    ("strategy", "learner", "told"),
    [
        (Bait(), Seeing(), "query=margin looks at the last layer"),
        (Bald(), Seeing(), "stochastic draws"),
        (KMeans(), MeansLearner(), "has none before it is trained"),
    ],
)
def test_a_start_that_cannot_be_is_refused_before_anything_is_written(tmp_path, strategy, learner, told):
    book, settings = ledger(tmp_path), replace(parts(tmp_path).settings, start="strategy")
    with pytest.raises(ConfigError, match=told):
        run_loop(parts(tmp_path, strategy=strategy, learner=learner, settings=settings), book)
    assert book.events("blobs") == []


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("path", sorted((conf_dir() / "query").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_strategy_passes_on_data_that_it_is_made_for(tmp_path, path, task):
    from omegaconf import OmegaConf

    strategy = build_part(OmegaConf.load(path))
    if task in getattr(strategy, "tasks", tuple(Task)):
        rehearse(parts(tmp_path, images=Blobs(task=task), strategy=strategy))


def test_a_run_without_a_limit_says_so(tmp_path):
    built = parts(tmp_path, images=Blobs(n=40), rules=())
    run_loop(built, ledger(tmp_path))
    assert any("no rule limits the labels" in line for line in built.display.lines)

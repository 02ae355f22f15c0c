"""Parts of the user's own, plain classes with the required methods alone, from a module that is trusted."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from poolwise.app.run import run_job
from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import decode
from poolwise.jobs.stored import stored_run

MODULE = """
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poolwise.core.types import Answer, Need, Query, decode

TOLD = []


@dataclass(frozen=True)
class Expert:
    truth: Any = None

    simulated = True
    source = "expert"

    def knowing(self, source):
        return replace(self, truth=source.hidden_labels())

    def emit(self, batch, images):
        return ""

    def collect(self, batch):
        return [Answer(ask.sample_id, decode(self.truth[ask.sample_id], batch.classes), "expert") for ask in batch.asks]


class Coin:
    simulated = True
    source = "coin"

    def emit(self, batch, images):
        return ""

    def collect(self, batch):
        return [Answer(ask.sample_id, batch.classes[ask.sample_id % 2], "coin") for ask in batch.asks]


class First:
    needs = Need.NOTHING

    def select(self, view, size, rng):
        return Query(view.ids[:size], np.zeros(size, dtype=np.float32), {"reason": np.array(["the first"] * size)})


class Enough:
    def reason(self, rounds, *, metric, pool_left):
        return "two rounds are enough" if len(rounds) >= 2 else ""


class Diary:
    def sync(self, run, *, model=None, files=None, round_figures=None):
        TOLD.append(run)
        return True
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    def begin(annotator):
        (tmp_path / "mine.py").write_text(MODULE)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.chdir(tmp_path)
        words = [
            "data=digits",
            "model.epochs=1",
            "model.min_steps=3",
            "seed_size=20",
            "query_size=5",
            "control=false",
            "verbose=false",
        ]
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            config = OmegaConf.to_container(compose("loop", words), resolve=True)
        own = {
            "annotation": {"_target_": f"mine.{annotator}"},
            "query": {"_target_": "mine.First"},
            "stopping": {"mine": {"_target_": "mine.Enough"}},
            "tracking": {"_target_": "mine.Diary"},
        }
        run_job("loop", {**config, **own, "trusted": ["mine"]}, name="own", method="first", command="poolwise loop")
        found = stored_run(tmp_path / "runs" / "own")
        state = found.ledger.state("own")
        found.ledger.close()
        return state

    return begin


def test_plain_parts_with_the_required_methods_alone_run_a_loop(run):
    state = run("Coin")
    assert state.stopped
    assert len(state.rounds) == 2
    assert {row.source for row in state.annotations.values()} == {"coin"}


def test_a_simulated_annotator_of_ones_own_is_handed_the_hidden_labels(run):
    rows = run("Expert").annotations
    data = build_part(OmegaConf.load(conf_dir() / "data" / "digits.yaml"))
    truth = {at: decode(data.hidden_labels()[at], data.manifest.classes) for at in rows}
    assert len(truth) == 25
    assert {at: row.label for at, row in rows.items()} == truth

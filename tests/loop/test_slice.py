from dataclasses import replace

import numpy as np
import pytest

from builders import Blobs, ledger, parts
from poolwise.loop.runner import run_loop
from poolwise.query.candidates import Candidates
from poolwise.stopping.budget import Budget
from poolwise.types import Task


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
    assert found["tested"] >= 20
    assert 4 < found["labels"] < 80


def test_without_a_slice_nothing_is_claimed(tmp_path):
    record = ran(tmp_path, 0.0)
    assert record.regret == {}
    assert "slice_accuracy" not in record.rounds[1].pool
    assert ran(tmp_path / "few", 0.1, budget=40).regret == {}


def test_several_labels_are_right_where_all_are(tmp_path):
    found = ran(tmp_path, 0.5, images=Blobs(task=Task.MULTILABEL)).regret
    assert 0 <= found["drawn"] <= 1

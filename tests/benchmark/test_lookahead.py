from dataclasses import replace

import numpy as np
import pytest

from builders import Blobs, MeansLearner, ledger, parts
from poolwise.annotation.oracle import Oracle
from poolwise.benchmark.lookahead import LookAhead
from poolwise.errors import ConfigError
from poolwise.loop.runner import run_loop
from poolwise.query.random import Random
from poolwise.query.top_k import Margin
from poolwise.types import LabelledSet, Need, PoolView


def ahead(tmp_path, images=None, batches=3):
    images = images or Blobs()
    strategies = (Margin(), Random())
    return LookAhead(strategies, images, MeansLearner(), Oracle().knowing(images), batches, tmp_path)


def view_of(images, labelled=(0, 1, 2)):
    ids = np.array([at for at in range(90) if at not in labelled], dtype=np.int64)
    probs = np.random.default_rng(0).dirichlet(np.ones(3), len(ids)).astype(np.float32)
    known = np.array(labelled, dtype=np.int64)
    return PoolView(ids, probs=probs, labelled_ids=known, labels=images.hidden_labels()[known])


def test_it_needs_what_its_strategies_need(tmp_path):
    assert ahead(tmp_path).needs == Need.PROBS


def test_it_takes_the_batch_whose_model_is_best_on_the_test_set(tmp_path):
    bound, view = ahead(tmp_path), view_of(Blobs())
    found = bound.select(view, 4, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    seed = int(rng.integers(2**63 - 1))
    proposed = [rng.permutation(view.ids)[:4] for _ in range(3)]
    proposed += [each.select(view, 4, rng).ids for each in bound.strategies]
    scores = []
    for ids in proposed:
        rows = np.sort(np.concatenate([ids, view.labelled_ids]))
        model = MeansLearner().fit(Blobs(), LabelledSet(rows, Blobs().hidden_labels()[rows]), None, seed=seed)
        test = np.arange(90, 120)
        said = model.predict(Blobs(), test, Need.PROBS, seed=0).probs.argmax(axis=1)
        scores.append((said == Blobs().hidden_labels()[test]).mean())
    assert found.ids.tolist() == proposed[int(np.argmax(scores))].tolist()
    assert found.scores[0] == pytest.approx(max(scores))


def test_it_can_stand_where_a_strategy_stands(tmp_path):
    built = replace(parts(tmp_path), strategy=ahead(tmp_path), strategy_name="oracle_lookahead")
    run = run_loop(built, ledger(tmp_path))
    assert [round_.labelled for round_ in run.rounds] == [4, 8, 12, 16, 20]
    assert "not achievable" in run.rounds[1].asks[0].reason


def test_without_a_test_set_it_has_nothing_to_look_at(tmp_path):
    with pytest.raises(ConfigError, match="upper_bound=true"):
        ahead(tmp_path, Blobs(test=0)).select(view_of(Blobs()), 4, np.random.default_rng(0))

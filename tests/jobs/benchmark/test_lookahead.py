from dataclasses import replace

import numpy as np
import pytest

from builders import Blobs, MeansLearner, ledger, parts
from poolwise.annotation.oracle import Mistake, Oracle
from poolwise.core.errors import ConfigError
from poolwise.core.types import LabelledSet, Need, PoolView, Task
from poolwise.jobs.benchmark.lookahead import LookAhead
from poolwise.jobs.loop.runner import run_loop
from poolwise.query.committee import Committee, Members
from poolwise.query.random import Random
from poolwise.query.top_k import Margin


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


class Follows:
    """An oracle that errs by following suggestions, and remembers who asked what and which answers it gave."""

    simulated, source = True, "oracle"

    def __init__(self, images):
        self.oracle = Oracle(noise_rate=0.5, mistakes=Mistake.CONFUSION).knowing(images)
        self.asked = []

    def __getattr__(self, name):
        return getattr(self.oracle, name)

    def collect(self, batch):
        answers = self.oracle.collect(batch)
        self.asked.append({answer.sample_id: answer.label for answer in answers})
        return answers


@pytest.mark.parametrize("task", list(Task))
def test_what_is_tried_out_is_answered_as_the_loop_will_be(tmp_path, task):
    images, tries = Blobs(task=task, classes=5), Follows(Blobs(task=task, classes=5))
    bound = LookAhead((Random(),), images, MeansLearner(), tries, 2, tmp_path)
    asker = Oracle(noise_rate=0.5, mistakes=Mistake.CONFUSION).knowing(images)
    run = run_loop(replace(parts(tmp_path, images, annotator=asker), strategy=bound), ledger(tmp_path))
    tried = [{id_: answers[id_] for id_ in sorted(answers)} for answers in tries.asked]
    for round_ in run.rounds[1:]:
        given = {ask.sample_id: label for ask, label in zip(round_.asks, round_.labels, strict=True)}
        assert {id_: given[id_] for id_ in sorted(given)} in tried


def test_before_a_model_is_trained_nothing_is_suggested(tmp_path):
    images, spy = Blobs(), Follows(Blobs())
    seen = []
    spy.collect = lambda batch: seen.extend(batch.asks) or spy.oracle.collect(batch)
    bound = LookAhead((Random(),), images, MeansLearner(), spy, 1, tmp_path)
    blank = PoolView(np.arange(90), probs=np.full((90, 3), 1 / 3, dtype=np.float32))
    bound.select(blank, 4, np.random.default_rng(0))
    assert {ask.suggestion for ask in seen} == {None}


def test_strategies_that_look_at_the_last_rounds_models_are_refused(tmp_path):
    rivals = (Margin(), Committee(members=Members.ROUNDS))
    with pytest.raises(ConfigError, match="Committee.*models of the last rounds.*leave it out"):
        LookAhead(rivals, Blobs(), MeansLearner(), Oracle().knowing(Blobs()), 2, tmp_path)


def test_without_a_test_set_it_has_nothing_to_look_at(tmp_path):
    with pytest.raises(ConfigError, match="upper_bound=true"):
        ahead(tmp_path, Blobs(test=0)).select(view_of(Blobs()), 4, np.random.default_rng(0))

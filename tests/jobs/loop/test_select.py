"""What a strategy is shown in the loop, and what is kept of its batch."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest

from builders import Blobs, MeansLearner, ledger, parts
from poolwise.annotation.csv_files import CsvFiles, batch_file
from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import QueryStrategy, StoppingRule
from poolwise.core.types import Need, Query
from poolwise.jobs.answers import batch_of
from poolwise.jobs.loop import select
from poolwise.jobs.loop.parts import Settings
from poolwise.jobs.loop.runner import run_loop
from poolwise.jobs.loop.stopping.budget import Budget
from poolwise.metric.coverage import curation_report
from poolwise.query.core_set import CoreSet
from poolwise.query.k_means import KMeans
from poolwise.query.random import Random


@dataclass
class Watching(QueryStrategy):
    """Takes the first candidates and keeps what it was shown."""

    needs: Need = Need.NOTHING
    rounds: int = 1
    views: list = field(default_factory=list)

    def select(self, view, size, rng):
        self.views.append(view)
        reasons = {"reason": np.array(["first"] * size), "cluster": np.arange(size), "far": np.full(size, 1 / 3)}
        return Query(view.ids[:size], np.zeros(size, np.float32), reasons)


@dataclass(frozen=True)
class Wanting(StoppingRule):
    """A rule that never stops and wants every fact of the pool."""

    wants: ClassVar[frozenset[str]] = frozenset({"kappa", "changed", "uncertainty", "farthest"})

    def reason(self, rounds, *, metric, pool_left):
        return ""


def ran(folder, **changes):
    folder.mkdir(exist_ok=True)
    return run_loop(parts(folder, **changes), ledger(folder))


def test_forecasts_are_what_the_model_said_before_the_label_came(tmp_path):
    strategy = Watching(Need.PROBS)
    record = ran(tmp_path, strategy=strategy)
    last = strategy.views[-1]
    drawn_blind = np.isin(last.labelled_ids, [ask.sample_id for ask in record.rounds[0].asks])
    assert np.isnan(last.forecasts[drawn_blind]).all()
    for ask in record.rounds[1].asks:
        row = last.forecasts[last.labelled_ids.tolist().index(ask.sample_id)]
        assert row.max() == pytest.approx(ask.probability)
        assert "abc"[row.argmax()] == ask.suggestion


def test_the_models_of_the_last_rounds_are_there_for_those_who_ask(tmp_path):
    strategy = Watching(Need.ROUNDS | Need.PROBS, rounds=3)
    ran(tmp_path, strategy=strategy)
    assert [view.log_probs_nkc.shape[1] for view in strategy.views[1:]] == [1, 2, 3, 3]
    last = strategy.views[-1]
    np.testing.assert_allclose(np.exp(last.log_probs_nkc[:, -1]), last.probs, atol=1e-6)
    assert len(list((tmp_path / "blobs/blobs").glob("*.pt"))) <= 4


def test_one_model_is_kept_where_one_is_enough(tmp_path):
    ran(tmp_path)
    assert len(list((tmp_path / "blobs/blobs").glob("*.pt"))) == 1


def test_what_is_known_of_a_pick_is_kept_with_it(tmp_path):
    record = ran(tmp_path, strategy=Watching())
    told = record.rounds[1].asks[2].details
    assert (told["cluster"], told["far"]) == (2, 0.33333)
    assert record.rounds[0].asks[0].details == {}


def test_the_nearest_labelled_and_a_cluster_are_told_of_a_strategy_that_looks_at_neither(tmp_path):
    record = ran(tmp_path, strategy=Random())
    first, told = record.rounds[0].asks, [ask.details for ask in record.rounds[1].asks]
    points = Blobs().read(slice(None)).reshape(Blobs.n, -1).astype(float)
    for ask in record.rounds[1].asks:
        gaps = {seed.sample_id: np.linalg.norm(points[ask.sample_id] - points[seed.sample_id]) for seed in first}
        assert gaps[ask.details["nearest_labelled"]] == pytest.approx(min(gaps.values()), rel=1e-4)
        assert ask.details["distance"] == pytest.approx(min(gaps.values()), rel=1e-3)
    assert {type(details["cluster"]) for details in told} == {int}
    silent = Settings(seed=0, seed_size=4, query_size=4, compare_batches=False)
    for quiet in (
        ran(tmp_path / "off", strategy=Random(), settings=silent),
        ran(tmp_path / "control", is_control=True),
    ):
        assert not {"cluster", "nearest_labelled"} & set(quiet.rounds[1].asks[0].details)


def test_each_batch_is_compared_with_random_ones_and_a_control_is_not(tmp_path):
    record = ran(tmp_path, strategy=CoreSet())
    assert record.rounds[0].beside_random == {}
    for measure in record.rounds[1].beside_random.values():
        assert measure["low"] <= measure["random"] <= measure["high"]
    assert ran(tmp_path / "control", is_control=True).rounds[1].beside_random == {}


def test_only_a_random_sample_stands_for_a_large_pool(tmp_path, monkeypatch):
    told = []

    def spy(embeddings, chosen, *, pool, **options):
        told.append((len(embeddings), len(pool)))
        return curation_report(embeddings, chosen, pool=pool, **options)

    monkeypatch.setattr(select, "YARDSTICK", 10)
    monkeypatch.setattr(select, "curation_report", spy)
    ran(tmp_path, strategy=Watching())
    assert told == [(44, 40)] * 4  # ten a pick, and the batch of 4 beside them


def test_the_strategy_may_choose_the_first_batch_of_all(tmp_path):
    class Seeing(MeansLearner):
        def embed(self, images, ids, progress=None):
            return images.read(ids).reshape(len(ids), -1).astype(np.float32)

    settings = replace(parts(tmp_path).settings, start="strategy")
    record = ran(tmp_path, strategy=KMeans(), learner=Seeing(), settings=settings)
    assert "centre of a cluster" in record.rounds[0].asks[0].reason
    levels = Blobs().read(np.array(record.rounds[0].asks[0].sample_id))
    assert len({int(ask.sample_id) % 3 for ask in record.rounds[0].asks}) == 3, levels


def test_without_trained_embeddings_it_may_not(tmp_path):
    settings = replace(parts(tmp_path).settings, start="strategy")
    with pytest.raises(ConfigError, match="start=random"):
        ran(tmp_path, strategy=KMeans(), settings=settings)


def test_facts_of_the_pool_are_there_for_rules_that_want_them(tmp_path):
    record = ran(tmp_path, rules=(Budget(20), Wanting()))
    assert set(record.rounds[0].pool) == {"uncertainty"}
    assert set(record.rounds[2].pool) == {"uncertainty", "kappa", "changed", "farthest"}
    assert all(0 <= record.rounds[2].pool[name] <= 1 for name in ("uncertainty", "changed"))
    assert ran(tmp_path / "other").rounds[2].pool == {}


@dataclass(frozen=True)
class Priced(Blobs):
    @property
    def manifest(self):
        return replace(super().manifest, columns={"cost": np.arange(self.n) / 2})


def test_the_test_set_costs_what_its_samples_cost(tmp_path):
    settings = replace(parts(tmp_path).settings, test_size=6)
    first = ran(tmp_path, images=Priced(), settings=settings).rounds[0]
    assert len(first.asks) == 10
    assert first.pool["cost"] == sum(ask.sample_id for ask in first.asks) / 2


def test_a_skipped_sample_costs_nothing_and_one_asked_twice_costs_once(tmp_path):
    images, annotator, book = Priced(n=20, test=6, known=0.0), CsvFiles(partial="train"), ledger(tmp_path)
    built = parts(tmp_path, images=images, annotator=annotator, strategy=Watching(), rules=())
    paid, left_out = [], None
    while run_loop(built, book).status == "parked":
        batch = batch_of(book.state("blobs"), built)
        answered, rows = batch.ids(), []
        if left_out is None:
            skipped, left_out, *answered = answered  # one is to come back
            rows = [f"{skipped},skip"]
        rows += [f"{at},{'abc'[at % 3]}" for at in answered]
        batch_file(batch).write_text("\n".join(["sample_id,label", *rows]) + "\n")
        paid += answered
    record = run_loop(built, book)
    assert sorted([*paid, skipped]) == list(range(14))
    assert sum(round_.pool["cost"] for round_ in record.rounds) == sum(paid) / 2


def test_rounds_that_learnt_the_same_share_a_model_that_is_not_dropped(tmp_path):
    class Same(MeansLearner):
        def fit(self, images, train, validation, *, seed, previous=None, progress=None):
            return super().fit(images, replace(train, ids=train.ids[:4], labels=train.labels[:4]), None, seed=0)

    record = ran(tmp_path, learner=Same(), strategy=Watching(Need.ROUNDS | Need.PROBS, rounds=2))
    assert record.status == "stopped"
    assert list((tmp_path / "blobs/blobs").glob("*.pt"))


def test_a_column_of_costs_is_added_up(tmp_path):
    strategy = Watching()
    record = ran(tmp_path, images=Priced(), strategy=strategy)
    ids = [ask.sample_id for ask in record.rounds[1].asks]
    assert record.rounds[1].pool["cost"] == sum(ids) / 2
    assert strategy.views[1].columns["cost"].tolist() == (strategy.views[1].ids / 2).tolist()

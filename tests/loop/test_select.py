"""What a strategy is shown in the loop, and what is kept of its batch."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest

from builders import Blobs, MeansLearner, ledger, parts
from poolwise.errors import ConfigError
from poolwise.loop.runner import run_loop
from poolwise.query.core_set import CoreSet
from poolwise.query.k_means import KMeans
from poolwise.stopping.budget import Budget
from poolwise.types import Need, Query


@dataclass
class Watching:
    """Takes the first candidates and keeps what it was shown."""

    needs: Need = Need.NOTHING
    rounds: int = 1
    views: list = field(default_factory=list)

    def select(self, view, size, rng):
        self.views.append(view)
        reasons = {"reason": np.array(["first"] * size), "cluster": np.arange(size), "far": np.full(size, 1 / 3)}
        return Query(view.ids[:size], np.zeros(size, np.float32), reasons)


@dataclass(frozen=True)
class Wanting:
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
    assert [view.log_probs_nkc.shape[1] for view in strategy.views] == [1, 2, 3, 3]
    last = strategy.views[-1]
    np.testing.assert_allclose(np.exp(last.log_probs_nkc[:, -1]), last.probs, atol=1e-6)
    assert len(list((tmp_path / "blobs/blobs").glob("*.pt"))) <= 4


def test_one_model_is_kept_where_one_is_enough(tmp_path):
    ran(tmp_path)
    assert len(list((tmp_path / "blobs/blobs").glob("*.pt"))) == 1


def test_what_is_known_of_a_pick_is_kept_with_it(tmp_path):
    record = ran(tmp_path, strategy=Watching())
    assert record.rounds[1].asks[2].details == {"cluster": 2, "far": 0.33333}
    assert record.rounds[0].asks[0].details == {}


def test_each_batch_is_compared_with_random_ones_and_a_control_is_not(tmp_path):
    record = ran(tmp_path, strategy=CoreSet())
    assert record.rounds[0].beside_random == {}
    for measure in record.rounds[1].beside_random.values():
        assert measure["low"] <= measure["random"] <= measure["high"]
    assert ran(tmp_path / "control", is_control=True).rounds[1].beside_random == {}


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


def test_a_column_of_costs_is_added_up(tmp_path):
    @dataclass(frozen=True)
    class Priced(Blobs):
        @property
        def manifest(self):
            return replace(super().manifest, columns={"cost": np.arange(self.n) / 2})

    strategy = Watching()
    record = ran(tmp_path, images=Priced(), strategy=strategy)
    ids = [ask.sample_id for ask in record.rounds[1].asks]
    assert record.rounds[1].pool["cost"] == sum(ids) / 2
    assert strategy.views[0].columns["cost"].tolist() == (strategy.views[0].ids / 2).tolist()

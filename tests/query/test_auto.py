import dataclasses

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.core.types import PoolView
from poolwise.query.acquisition.confidence import margin
from poolwise.query.auto import Auto
from poolwise.query.herding import MaxHerding, UHerding
from poolwise.query.weighted_k_means import WeightedKMeans


def rng(seed=0):
    return np.random.default_rng(seed)


def view(count=300, labelled=40, told=0, right=True):
    """Three classes in three directions; the first `told` labelled rows were forecast, surely where it was right."""
    draw = rng(1)
    classes = draw.integers(3, size=count + labelled)
    points = (np.eye(3)[classes] * 3 + draw.standard_normal((count + labelled, 3))).astype(np.float32)
    probs = draw.dirichlet(np.ones(3), size=count).astype(np.float32)
    forecasts = np.full((labelled, 3), np.nan, dtype=np.float32)
    for at in range(told):
        hit = at % 2 == 0
        said = classes[count + at] if hit else (classes[count + at] + 1) % 3
        sure = 0.9 if hit == right else 0.4
        forecasts[at] = (1 - sure) / 2
        forecasts[at, said] = sure
    return PoolView(
        np.arange(count),
        probs=probs,
        embeddings=points[:count],
        labelled_ids=count + np.arange(labelled),
        labels=classes[count:],
        labelled_embeddings=points[count:],
        forecasts=forecasts,
    )


def taken(pool):
    query = Auto().select(pool, 10, rng())
    return query.reasons["mode"][0], query.reasons["reason"][0]


def test_without_a_label_it_covers_the_pool():
    none = np.empty(0, dtype=np.int64)
    bare = dataclasses.replace(view(), labelled_ids=none, labels=none, labelled_embeddings=None, forecasts=None)
    mode, why = taken(bare)
    assert mode == "coverage"
    assert "nothing is labelled yet" in why
    assert set(Auto().select(bare, 10, rng()).ids) == set(MaxHerding().select(bare, 10, rng()).ids)


def test_without_answers_to_go_by_uncertainty_is_covered():
    mode, why = taken(view(told=0))
    assert mode == "herding"
    assert "no margin could be checked" in why
    assert set(Auto().select(view(), 10, rng()).ids) == set(UHerding(sigma=1.0).select(view(), 10, rng()).ids)


def test_margins_that_prove_right_lead_to_clusters_of_the_uncertain():
    modes = [taken(view(told=told))[0] for told in (0, 6, 40)]
    assert modes == ["herding", "herding", "clusters"]
    pool = view(told=40)
    query = Auto().select(pool, 10, rng())
    assert "separate errors from hits in 40 answers" in query.reasons["reason"][0]
    assert query.ids.tolist() == WeightedKMeans().select(pool, 10, rng()).ids.tolist()
    assert query.reasons["cluster_size"].sum() == 100


def test_margins_that_mislead_are_not_trusted():
    assert taken(view(told=40, right=False))[0] == "herding"


def test_a_model_that_is_sure_of_everything_leaves_coverage():
    sure = np.zeros((300, 3), dtype=np.float32)
    sure[:, 1] = 1
    query = Auto().select(dataclasses.replace(view(), probs=sure), 10, rng())
    assert query.reasons["mode"][0] == "coverage"
    assert (query.scores > 0).all()


def test_a_pool_above_the_sample_is_searched_for_uncertain_ones_as_well():
    pool = view(count=3000, told=40)
    picked = [margin(pool.probs[Auto(sample=sample).select(pool, 20, rng()).ids]).mean() for sample in (600, 3000)]
    assert min(picked) > margin(pool.probs).mean() + 0.03
    assert picked[0] > picked[1] - 0.03


def test_a_sample_of_none_is_refused():
    with pytest.raises(ConfigError, match="sample"):
        Auto(sample=0)

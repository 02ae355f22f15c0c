import dataclasses

import numpy as np
import pytest

from poolwise.acquisition.confidence import margin
from poolwise.errors import ConfigError
from poolwise.geometry.apart import nearest_others
from poolwise.query.auto import START, Auto
from poolwise.types import PoolView


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
    return query.reasons["mode"][0], float(query.reasons["scale"][0]), query.reasons["reason"][0]


def test_without_a_label_it_covers_the_pool():
    none = np.empty(0, dtype=np.int64)
    bare = dataclasses.replace(view(), labelled_ids=none, labels=none, labelled_embeddings=None, forecasts=None)
    mode, scale, why = taken(bare)
    assert (mode, scale) == ("coverage", START)
    assert "nothing is labelled yet" in why


def test_without_answers_to_go_by_uncertainty_is_covered_widely():
    mode, scale, why = taken(view(told=0))
    assert mode == "wide"
    assert scale == pytest.approx(np.median(nearest_others(view().labelled_embeddings)))
    assert "no forecast yet" in why


def test_the_scale_narrows_as_margins_prove_right():
    scales = [taken(view(told=told))[1] for told in (0, 8, 40)]
    assert scales[0] > scales[1] > scales[2] >= nearest_others(view().labelled_embeddings).min()
    mode, _, why = taken(view(told=40))
    assert mode == "narrow"
    assert "by 40 answers" in why


def test_margins_that_mislead_are_not_trusted():
    assert taken(view(told=40, right=False))[0] == "wide"


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

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.core.types import Need, PoolView, Task
from poolwise.query.acquisition.confidence import margin
from poolwise.query.objectives import Objectives


def rng(seed=0):
    return np.random.default_rng(seed)


def pool(count=40, labelled=6, **columns):
    generator = rng(1)
    return PoolView(
        np.arange(count),
        probs=generator.dirichlet(np.ones(3), size=count).astype(np.float32),
        embeddings=generator.standard_normal((count, 2)).astype(np.float32),
        labelled_ids=1000 + np.arange(labelled),
        labels=generator.integers(2, size=labelled),
        labelled_embeddings=generator.standard_normal((labelled, 2)).astype(np.float32),
        columns=columns,
    )


@settings(max_examples=15, deadline=None)
@given(*(st.sampled_from([0.0, 1.0, 2.5]) for _ in range(3)), st.booleans())
def test_every_pick_has_the_largest_product_of_powers(uncertainty, diversity, balance, known):
    view = pool(cost=rng(2).uniform(1, 3, 40)) if known else pool(labelled=0, cost=rng(2).uniform(1, 3, 40))
    options = Objectives(uncertainty=uncertainty, diversity=diversity, balance=balance, cost="cost", cost_strength=0.5)
    query = options.select(view, 20, rng())
    predicted, left = view.probs.argmax(axis=1), set(range(40))
    counts, centres, scale = np.bincount(view.labels, minlength=3), list(view.labelled_embeddings), None
    for row, score in zip(query.ids, query.scores, strict=True):
        far = np.ones(40)
        if centres:
            far = np.linalg.norm(view.embeddings[:, None] - np.array(centres)[None], axis=2).min(axis=1)
            scale = far.max() if scale is None else scale
            far = np.minimum(far / scale, 1)
        fixed = margin(view.probs) ** uncertainty / view.columns["cost"] ** 0.5
        product = fixed * far**diversity * (1 / (1 + counts[predicted])) ** balance
        assert score == pytest.approx(max(product[list(left)]), rel=1e-3)
        assert product[row] == pytest.approx(score, rel=1e-3)
        left.remove(int(row))
        counts[predicted[row]] += 1
        centres.append(view.embeddings[row])


def test_a_minimum_distance_is_kept_while_it_can_be_and_the_rest_says_so():
    view = pool()
    query = Objectives(min_distance=0.8).select(view, 30, rng())
    late = np.array(["none is farther" in reason for reason in query.reasons["reason"]])
    assert 0 < late.sum() < 30
    assert (np.diff(late.astype(int)) >= 0).all()
    early = view.embeddings[query.ids[~late]]
    others = np.concatenate([early, view.labelled_embeddings])
    gaps = np.linalg.norm(early[:, None] - others[None], axis=2)
    gaps[np.arange(len(early)), np.arange(len(early))] = np.inf
    assert gaps.min() >= 0.8 - 1e-4


def test_balance_fills_up_the_class_that_has_fewest():
    probs = np.eye(3)[[0] * 20 + [1] * 20 + [2] * 20]
    view = PoolView(np.arange(60), probs=probs, labelled_ids=np.arange(100, 108), labels=np.array([0] * 5 + [1] * 3))
    query = Objectives(uncertainty=0, diversity=0, balance=1).select(view, 7, rng())
    assert np.bincount(query.reasons["predicted"], minlength=3).tolist() == [0, 2, 5]
    assert query.reasons["reason"][0] == "balance 1.00 of class 2"


def test_balance_counts_labels_of_a_multilabel_task():
    probs = np.array([[0.9, 0.1], [0.1, 0.9]])
    view = PoolView(np.arange(2), Task.MULTILABEL, probs=probs, labelled_ids=np.array([9]), labels=np.array([[1, 0]]))
    assert Objectives(uncertainty=0, diversity=0, balance=1).select(view, 1, rng()).ids.tolist() == [1]


def test_a_column_is_preferred_and_a_cost_avoided():
    view = PoolView(np.arange(3), columns={"age": np.array([1, 3, 2]), "cost": np.array([1.0, 9.0, 2.0])})
    off = {"uncertainty": 0.0, "diversity": 0.0}
    assert Objectives(**off, column="age").select(view, 3, rng()).ids.tolist() == [1, 2, 0]
    query = Objectives(**off, cost="cost").select(view, 3, rng())
    assert query.ids.tolist() == [0, 2, 1]
    assert query.reasons["cost"].tolist() == [1, 2, 9]


def test_typicality_takes_the_crowd_first():
    points = np.concatenate([rng().normal(size=(30, 2)) * 0.1, [[9.0, 9.0]]])
    query = Objectives(uncertainty=0, diversity=0, typicality=1).select(
        PoolView(np.arange(31), embeddings=points), 31, rng()
    )
    assert query.ids[-1] == 30
    assert query.reasons["typicality"][-1] == pytest.approx(1 / 31)


def test_only_what_is_on_is_needed():
    both = Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS
    off = {"uncertainty": 0.0, "diversity": 0.0}
    assert Objectives().needs == Need.PROBS | both
    assert Objectives(**off, balance=1).needs == Need.PROBS
    assert Objectives(**off, typicality=1).needs == Need.EMBEDDINGS
    assert Objectives(**off, cost="cost").needs == Need.NOTHING
    assert Objectives(**off, cost="cost", min_distance=1).needs == both


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cost": "price"}, "query.cost is 'price', which is not a column of the data; known columns: cost, name"),
        ({"column": "name"}, "must hold numbers"),
        ({"cost": "cost"}, "must be above 0"),
    ],
)
def test_columns_that_cannot_be_used_are_named(options, said):
    view = pool(cost=np.zeros(40), name=np.array(["a"] * 40))
    with pytest.raises((ConfigError, InvalidArray), match=said):
        Objectives(**options).select(view, 3, rng())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"uncertainty": -1.0}, "Objectives.uncertainty is -1.0; it must be at least 0"),
        ({"min_distance": np.nan}, "Objectives.min_distance is nan"),
        ({"uncertainty": 0, "diversity": 0}, "all objectives are off"),
    ],
)
def test_strengths_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Objectives(**options)

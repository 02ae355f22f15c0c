import numpy as np
import pytest

from poolwise.core.errors import ConfigError, InvalidArray, PoolExhausted
from poolwise.core.types import Task
from poolwise.query.api import _build as build
from poolwise.query.api import select, strategies

PROBS = np.random.default_rng(0).dirichlet(np.ones(3), size=50)
POINTS = np.random.default_rng(1).standard_normal((50, 4))


ONLY_MULTILABEL = {name: getattr(build(name, {}), "tasks", tuple(Task)) == (Task.MULTILABEL,) for name in strategies()}


def test_draws_may_come_in_pieces():
    draws = np.random.default_rng(2).dirichlet(np.ones(3), size=(50, 7))
    whole, pieces = (select("bald", size=9, draws=given) for given in (draws, (draws[:20], draws[20:])))
    assert whole.ids.tolist() == pieces.ids.tolist()
    assert select("bald", size=9, draws=draws.tolist()).ids.tolist() == whole.ids.tolist()
    generated = select("bald", size=9, draws=(draws[at : at + 10] for at in range(0, 50, 10)))
    assert generated.ids.tolist() == whole.ids.tolist()
    with pytest.raises(InvalidArray, match="pieces"):
        select("bald", size=9, draws=(draws[:20], draws[20:, :3]))


def test_members_of_an_ensemble_are_told_from_rows_by_other_arrays_and_refused_alone():
    draws = np.random.default_rng(2).dirichlet(np.ones(3), size=(50, 7))
    whole = select("bald", size=9, draws=draws, probs=PROBS).ids.tolist()
    assert select("bald", size=9, draws=[draws[:, at] for at in range(7)], probs=PROBS).ids.tolist() == whole
    assert select("bald", size=9, draws=list(draws), probs=PROBS).ids.tolist() == whole
    with pytest.raises(InvalidArray, match=r"rows \(K, C\) or members \(N, C\)"):
        select("bald", size=3, draws=[draws[:, at] for at in range(7)])


def test_draws_may_miss_zero_by_rounding():
    draws = np.random.default_rng(2).dirichlet(np.ones(3), size=(50, 7))
    draws[:, :, 0], draws[:, :, 1:] = -1e-9, draws[:, :, 1:] / draws[:, :, 1:].sum(axis=2, keepdims=True)
    assert len(select("bald", size=9, draws=draws)) == 9
    with pytest.raises(InvalidArray, match="logits"):
        select("bald", size=9, draws=5 * draws)


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "float64"])
def test_tensors_are_taken_as_they_are(kind):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(POINTS).to(getattr(torch, kind)).requires_grad_()
    assert len(select("core_set", size=5, embeddings=tensor, labelled=[1])) == 5


@pytest.mark.parametrize("seed", [None, 1.5, -1, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ConfigError, match="seed must be a whole number"):
        select("margin", size=2, probs=PROBS, seed=seed)


def test_columns_serve_strategies_and_rules_for_candidates():
    cost = np.ones(50)
    cost[:30] = 1000
    query = select("objectives", size=5, probs=PROBS, embeddings=POINTS, columns={"cost": cost}, cost="cost")
    assert query.ids.min() >= 30
    query = select(
        "random",
        size=5,
        probs=PROBS,
        columns={"where": ["a"] * 25 + ["b"] * 25},
        among={"group": "where", "balanced": True},
    )
    assert query.reasons["group"].tolist() == ["a" if number < 25 else "b" for number in query.ids]
    assert sorted(np.bincount(query.ids // 25)) == [2, 3]
    with pytest.raises(InvalidArray, match="column 'cost'"):
        select("random", size=5, probs=PROBS, columns={"cost": [1, 2]})


@pytest.mark.parametrize("name", strategies())
def test_every_strategy_serves_arrays_and_never_takes_labelled_rows(name):
    labelled = np.array([40, 3, 17])
    several = ONLY_MULTILABEL[name]
    labels = [[0, 1, 1], [1, 0, 0], [0, 0, 0]] if several else [0, 1, 2]
    head = (np.ones((3, 4)), np.zeros(3))
    arrays = {"probs": PROBS, "embeddings": POINTS, "draws": np.stack([PROBS, PROBS[:, ::-1]], axis=1), "head": head}
    query = select(name, size=20, labelled=labelled, labels=labels, **arrays)
    assert len(set(query.ids.tolist())) == 20
    assert not set(query.ids.tolist()) & set(labelled.tolist())


def test_the_seed_decides():
    first, again, other = (select("random", size=9, probs=PROBS, seed=seed).ids.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_labels_in_two_dimensions_make_it_multilabel():
    probs = np.array([[0.9, 0.9], [0.5, 0.1], [0.1, 0.1]])
    assert select("margin", size=1, probs=probs, labelled=[2], labels=[[0, 0]]).ids.tolist() == [1]
    assert select("margin", size=1, probs=probs, task="multilabel").ids.tolist() == [1]
    with pytest.raises(InvalidArray, match="multi-label"):
        select("margin", size=1, probs=probs)


def test_options_reach_the_strategy():
    query = select("clustered", size=10, probs=PROBS, embeddings=POINTS, candidates=1)
    assert set(query.ids.tolist()) == set(select("margin", size=10, probs=PROBS).ids.tolist())


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("margn", {}, "did you mean 'margin'"),
        ("zzz", {}, "there are: "),
        ("clustered", {"candidate": 3}, "did you mean 'candidates'"),
        ("clustered", {"candidates": "many"}, "clustered.candidates"),
        ("margin", {"task": "regression"}, "task is 'regression'"),
    ],
)
def test_wrong_names_and_options_are_told(name, options, told):
    with pytest.raises(ConfigError, match=told):
        select(name, size=1, probs=PROBS, embeddings=POINTS, **options)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({}, "give probs"),
        ({"probs": PROBS, "embeddings": POINTS[:9]}, "probs 50, embeddings 9"),
        ({"probs": PROBS, "labelled": [50]}, "from 0 to 49; got 50"),
        ({"probs": PROBS, "labelled": [1, 1]}, "more than once"),
        ({"probs": PROBS, "labelled": [1], "labels": [0, 1]}, "each of 1 labelled"),
        ({"embeddings": POINTS}, "needs probs"),
        ({"probs": PROBS, "draws": PROBS}, "draws must be"),
    ],
)
def test_arrays_that_do_not_fit_are_told(arrays, told):
    with pytest.raises(InvalidArray, match=told):
        select("margin", size=1, **arrays)


def test_draws_come_as_probabilities_or_their_logarithms():
    draws = np.random.default_rng(0).dirichlet(np.ones(3), size=(50, 4))
    for form in (draws, np.log(draws)):
        assert len(select("margin", size=2, probs=PROBS, draws=form)) == 2


def test_a_labelled_pool_is_exhausted():
    with pytest.raises(PoolExhausted, match="but 1 are unlabelled"):
        select("margin", size=2, probs=PROBS, labelled=np.arange(49))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prob": PROBS}, "did you mean 'probs'"),
        ({"head": np.ones((3, 4))}, "a pair"),
        ({"among": "tidy"}, "mapping of options"),
        ({"among": {"group": "x", "shares": {"inn": 1}}, "columns": {"x": ["in"] * 50}}, "names inn.*has in"),
    ],
)
def test_slips_are_told_in_words(options, told):
    with pytest.raises((ConfigError, InvalidArray), match=told):
        select("margin", size=3, probs=PROBS, **options)


@pytest.mark.parametrize("strategy", ["auto", "badge", "typiclust", "core_set", "uherding"])
def test_before_the_first_label_embeddings_are_enough(strategy):
    points = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    query = select(strategy, size=4, embeddings=points)
    assert len(set(query.ids.tolist())) == 4
    assert not {"predicted", "confidence"} & set(query.reasons)


def test_once_labels_are_there_a_model_has_to_have_its_say():
    points = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    with pytest.raises(InvalidArray, match="needs probs"):
        select("auto", size=4, embeddings=points, labelled=[0, 1], labels=[0, 1])

"""What every query strategy keeps to, whichever yaml names it."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from poolwise.core.errors import ConfigError, InvalidArray, PoolExhausted
from poolwise.core.interfaces import QueryStrategy
from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import Head, Need, PoolView, Task

PATHS = sorted((conf_dir() / "query").glob("*.yaml"))
ARRAYS = {
    Need.PROBS: "probs",
    Need.EMBEDDINGS: "embeddings",
    Need.DRAWS: "log_probs_nkc",
    Need.LABELLED_EMBEDDINGS: "labelled_embeddings",
}
EVERY = {**ARRAYS, Need.ROUNDS: "log_probs_nkc", Need.HEAD: "head"}
BOTH = tuple(Task)
SMALL = {
    "max_herding": {"sample": 100},
    "uherding": {"sample": 100},
    "prob_cover": {"sample": 100},
    "epig": {"targets": 50},
    "information_density": {"similarity": "euclidean", "reference": 100},
}
"""Options with which a random subset stands for a larger pool."""
OWN = {"cluster_margin": {"candidates": 10.0, "exact_up_to": 6000}}
"""Options in which a yaml differs from the defaults of its class."""


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def strategy(request):
    return build_part(OmegaConf.load(request.param))


def pool(count=60, classes=4, *, task=Task.MULTICLASS, labelled=10, seed=0, draws=5):
    """Everything any strategy may need; ids have gaps and lie apart from the labelled ones."""
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((count, 6)).astype(np.float32)
    head = Head(rng.standard_normal((classes, 6)).astype(np.float32), rng.standard_normal(classes).astype(np.float32))
    logits = embeddings @ head.weights.T + head.bias
    several = task is Task.MULTILABEL
    draws_nkc = odds_to_probs(logits[:, None] + rng.standard_normal((count, draws, classes)), several)
    shape = labelled if task is Task.MULTICLASS else (labelled, classes)
    return PoolView(
        ids=100 + 7 * np.arange(count, dtype=np.int64),
        task=task,
        probs=odds_to_probs(logits, several).astype(np.float32),
        embeddings=embeddings,
        log_probs_nkc=np.log(draws_nkc).astype(np.float32),
        labelled_ids=np.arange(labelled, dtype=np.int64),
        labels=rng.integers(classes if task is Task.MULTICLASS else 2, size=shape),
        labelled_embeddings=rng.standard_normal((labelled, 6)).astype(np.float32),
        head=head,
        columns={"cost": rng.uniform(1, 2, size=count)},
    )


def odds_to_probs(logits, several):
    odds = np.exp(logits)
    return odds / (1 + odds) if several else odds / odds.sum(axis=-1, keepdims=True)


def chosen(strategy, view, size, seed=0):
    query = strategy.select(view, size, np.random.default_rng(seed))
    assert len(query.ids) == len(set(query.ids.tolist())) == size
    assert set(query.ids.tolist()) <= set(view.ids.tolist())
    assert query.ids.dtype == np.int64
    assert query.scores.shape == (size,)
    assert query.scores.dtype == np.float32
    assert np.isfinite(query.scores).all()
    assert {len(column) for column in query.reasons.values()} == {size}
    assert all(isinstance(text, str) and text for text in query.reasons["reason"].tolist())
    return query


def permuted(view, order, labelled_order):
    candidates = {name: getattr(view, name)[order] for name in ("ids", "probs", "embeddings", "log_probs_nkc")}
    candidates["columns"] = {name: column[order] for name, column in view.columns.items()}
    known = {name: getattr(view, name)[labelled_order] for name in ("labelled_ids", "labels", "labelled_embeddings")}
    return dataclasses.replace(view, **candidates, **known)


def view_for(strategy, *args, **options):
    """A pool of a task that the strategy is defined for."""
    return pool(*args, task=getattr(strategy, "tasks", BOTH)[0], **options)


def test_it_is_a_query_strategy_whose_yaml_shows_every_option(strategy, request):
    assert isinstance(strategy, QueryStrategy)
    shown = set(OmegaConf.load(request.node.callspec.params["strategy"])) - {"_target_"}
    assert shown == {field.name for field in dataclasses.fields(strategy)}
    own = OWN.get(request.node.callspec.params["strategy"].stem, {})
    assert strategy == dataclasses.replace(type(strategy)(), **own)


@pytest.mark.parametrize("size", [1, 7, 60])
def test_it_gives_exactly_as_many_distinct_ids_as_asked(strategy, size):
    chosen(strategy, view_for(strategy), size)


def test_size_zero_gives_an_empty_query(strategy):
    assert chosen(strategy, view_for(strategy), 0).ids.size == 0


def test_more_than_the_pool_has_is_refused(strategy):
    with pytest.raises(PoolExhausted, match="asked for 61 samples but 60"):
        strategy.select(view_for(strategy), 61, np.random.default_rng(0))


def test_the_same_seed_gives_the_same_query(strategy):
    first, again = (chosen(strategy, view_for(strategy), 9, seed=5) for _ in range(2))
    assert first.ids.tolist() == again.ids.tolist()
    assert first.scores.tolist() == again.scores.tolist()
    assert {name: column.tolist() for name, column in first.reasons.items()} == {
        name: column.tolist() for name, column in again.reasons.items()
    }


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_order_of_rows_does_not_matter(path, seed):
    strategy, rng = build_part(OmegaConf.load(path)), np.random.default_rng(seed)
    view = view_for(strategy, 30)
    turned = permuted(view, rng.permutation(30), rng.permutation(10))
    assert chosen(strategy, view, 8, seed).ids.tolist() == chosen(strategy, turned, 8, seed).ids.tolist()


def test_the_view_and_global_generators_are_left_alone(strategy):
    view = view_for(strategy)
    copies = {name: getattr(view, name).copy() for name in ARRAYS.values()}
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    chosen(strategy, view, 9)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
    for name, copy in copies.items():
        np.testing.assert_array_equal(getattr(view, name), copy)


@pytest.mark.parametrize("name", ARRAYS.values())
def test_nan_is_refused_by_id(strategy, name):
    broken = getattr(view_for(strategy), name).copy()
    broken[3] = np.nan
    with pytest.raises(InvalidArray, match=r"\b(121|3)\b"):
        strategy.select(dataclasses.replace(view_for(strategy), **{name: broken}), 5, np.random.default_rng(0))


def test_only_what_it_declares_is_needed(strategy):
    given = {name for need, name in EVERY.items() if need in strategy.needs}
    absent = {name: None for name in EVERY.values() if name not in given}
    chosen(strategy, dataclasses.replace(view_for(strategy), columns={}, **absent), 5)


def test_what_it_declares_and_does_not_get_is_named(strategy):
    for need, name in EVERY.items():
        if need in strategy.needs:
            with pytest.raises(InvalidArray, match="this strategy needs"):
                strategy.select(dataclasses.replace(view_for(strategy), **{name: None}), 5, np.random.default_rng(0))


def test_nothing_labelled_yet_is_no_obstacle(strategy):
    none = np.empty(0, dtype=np.int64)
    for labels, embeddings in ((None, None), (view_for(strategy).labels[:0], np.empty((0, 6), dtype=np.float32))):
        view = dataclasses.replace(view_for(strategy), labelled_ids=none, labels=labels, labelled_embeddings=embeddings)
        assert "nearest_labelled" not in chosen(strategy, view, 9).reasons


def test_rows_that_are_all_alike_are_drawn_without_favour(strategy):
    alike = {
        name: np.repeat(getattr(view_for(strategy), name)[:1], 60, axis=0)
        for name in ("probs", "embeddings", "log_probs_nkc")
    }
    view = dataclasses.replace(view_for(strategy), **alike)
    seen = {int(chosen(strategy, view, 20, seed).ids[0]) for seed in range(10)}
    assert len(seen) > 4
    chosen(strategy, view, 60)


def test_one_class_alone_will_do(strategy):
    sure = np.zeros((60, 4), dtype=np.float32)
    sure[:, 2] = 1
    with np.errstate(divide="ignore"):
        draws = np.log(np.repeat(sure[:, None], 5, axis=1))
    chosen(strategy, dataclasses.replace(view_for(strategy), probs=sure, log_probs_nkc=draws), 20)
    chosen(strategy, view_for(strategy, classes=1), 20)


@pytest.mark.parametrize("task", BOTH)
def test_each_task_will_do_or_is_refused(strategy, task):
    if task in getattr(strategy, "tasks", BOTH):
        assert ("predicted" in chosen(strategy, pool(task=task), 20).reasons) == (task is Task.MULTICLASS)
    else:
        with pytest.raises(ConfigError, match="is defined for"):
            strategy.select(pool(task=task), 5, np.random.default_rng(0))


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_float_types_will_do(strategy, kind):
    arrays = {name: getattr(view_for(strategy), name).astype(kind) for name in ARRAYS.values()}
    chosen(strategy, dataclasses.replace(view_for(strategy), **arrays), 9)


def test_reasons_carry_what_is_known(strategy):
    view = view_for(strategy)
    query = chosen(strategy, view, 9)
    rows = np.searchsorted(view.ids, query.ids)
    if view.task is Task.MULTICLASS:
        assert query.reasons["predicted"].tolist() == view.probs[rows].argmax(axis=1).tolist()
        np.testing.assert_allclose(query.reasons["confidence"], view.probs[rows].max(axis=1), atol=1e-6)
    gaps = np.linalg.norm(view.embeddings[rows][:, None] - view.labelled_embeddings[None], axis=2)
    assert query.reasons["nearest_labelled"].tolist() == gaps.argmin(axis=1).tolist()
    np.testing.assert_allclose(query.reasons["distance"], gaps.min(axis=1), rtol=1e-3)


@pytest.fixture(params=SMALL)
def sampling(request):
    shipped = OmegaConf.load(conf_dir() / "query" / f"{request.param}.yaml")
    return build_part(OmegaConf.merge(shipped, SMALL[request.param]))


@pytest.mark.parametrize("size", [1, 20, 150])
def test_a_subset_that_stands_for_the_pool_gives_as_many_as_asked_and_repeats(sampling, size):
    first, again = (chosen(sampling, pool(2000), size, seed=3) for _ in range(2))
    assert first.ids.tolist() == again.ids.tolist()
    assert first.scores.tolist() == again.scores.tolist()


def test_a_subset_that_stands_for_the_pool_does_not_hang_on_the_order_of_rows(sampling):
    rng, view = np.random.default_rng(0), pool(2000)
    turned = permuted(view, rng.permutation(2000), rng.permutation(10))
    assert chosen(sampling, view, 20).ids.tolist() == chosen(sampling, turned, 20).ids.tolist()


def test_a_subset_that_stands_for_the_pool_favours_none_of_the_same_rows(sampling):
    view = pool(2000)
    same = {name: np.repeat(getattr(view, name)[:1], 2000, axis=0) for name in ("probs", "embeddings", "log_probs_nkc")}
    view = dataclasses.replace(view, **same)
    firsts = np.array([chosen(sampling, view, 3, seed).ids[0] for seed in range(10)])
    assert len(set(firsts.tolist())) > 7
    assert firsts.min() < np.median(view.ids) < firsts.max()

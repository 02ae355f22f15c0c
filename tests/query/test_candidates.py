from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from poolwise.core.errors import ConfigError, InvalidArray, PoolExhausted
from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import Need, PoolView
from poolwise.query.badge import Badge
from poolwise.query.candidates import Candidates
from poolwise.query.random import Random
from poolwise.query.shares import divide
from poolwise.query.top_k import Margin

EVERY_OPTION = (
    Candidates(duplicates=0.9),
    Candidates(outliers=0.5),
    Candidates(at_most=5),
    Candidates(weight="weight"),
    Candidates(cost="cost"),
    Candidates(group="place", balanced=True),
    Candidates(group="place", shares={"north": 3, "west": 1}),
    Candidates(duplicates=0.5, outliers=0.3, at_most=9, weight="weight", cost="cost", group="floor", shares={"1": 1}),
)


def rng(seed=0):
    return np.random.default_rng(seed)


def pool(count=40, labelled=6, seed=0):
    draw = rng(seed)
    return PoolView(
        ids=50 + 3 * np.arange(count),
        probs=draw.dirichlet(np.ones(3), size=count).astype(np.float32),
        embeddings=draw.standard_normal((count, 3)).astype(np.float32),
        labelled_ids=np.arange(labelled),
        labels=draw.integers(3, size=labelled),
        labelled_embeddings=draw.standard_normal((labelled, 3)).astype(np.float32),
        columns={
            "weight": draw.integers(0, 3, size=count).astype(np.float64),
            "cost": draw.uniform(1, 5, size=count),
            "place": draw.choice(["north", "west", "south"], size=count),
            "floor": draw.integers(3, size=count),
        },
    )


def plain(count, **arrays):
    return PoolView(np.arange(count), **arrays)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), size=st.integers(0, 40), strategy=st.sampled_from([Random(), Margin(), Badge()]))
@pytest.mark.parametrize("candidates", EVERY_OPTION, ids=range(len(EVERY_OPTION)))
def test_exactly_as_many_distinct_ids_as_asked_by_the_seed_whatever_the_order_of_rows(candidates, seed, size, strategy):
    view = pool(seed=seed)
    order = rng(seed).permutation(40)
    turned = replace(
        view,
        **{name: getattr(view, name)[order] for name in ("ids", "probs", "embeddings")},
        columns={name: column[order] for name, column in view.columns.items()},
    )
    first, again, other = (candidates.select(strategy, some, size, rng(seed)) for some in (view, view, turned))
    assert first.ids.tolist() == again.ids.tolist() == other.ids.tolist()
    assert len(set(first.ids.tolist())) == size == len(first.scores)
    assert set(first.ids.tolist()) <= set(view.ids.tolist())
    assert {len(column) for column in first.reasons.values()} == {size}


def test_with_everything_off_the_strategy_decides_alone():
    for size in (0, 7):
        wrapped, alone = Candidates().select(Badge(), pool(), size, rng()), Badge().select(pool(), size, rng())
        assert wrapped.ids.tolist() == alone.ids.tolist()
        assert set(wrapped.reasons) == set(alone.reasons)


def test_only_what_an_option_looks_at_is_needed():
    assert Candidates(at_most=3, weight="w", group="g", balanced=True).needs is Need.NOTHING
    assert Candidates(outliers=0.1).needs is Need.EMBEDDINGS
    assert Candidates(duplicates=0.9).needs == Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS


def of_angles(angles, labelled=()):
    points = [np.stack([np.cos(some), np.sin(some)], axis=1) for some in map(np.radians, (angles, labelled))]
    known = 900 + np.arange(len(labelled))
    return plain(len(angles), embeddings=points[0], labelled_ids=known, labelled_embeddings=points[1])


def test_duplicates_of_labelled_samples_are_left_out():
    view = of_angles([0.0, 5, 40, 90, 95], labelled=[0.0, 94])
    query = Candidates(duplicates=0.98).select(Random(), view, 1, rng())
    assert query.ids.tolist() == [2]
    assert query.reasons["considered"].tolist() == [1]
    assert query.reasons["left_out"].tolist() == ["4 duplicates of labelled samples"]


def test_too_few_left_brings_the_least_similar_duplicate_back_and_says_so():
    view = of_angles([0.0, 5, 40, 90, 96], labelled=[0.0, 90])
    query = Candidates(duplicates=0.98).select(Random(), view, 3, rng())
    assert sorted(query.ids.tolist()) == [1, 2, 4]
    said = dict(zip(query.ids.tolist(), query.reasons["reason"].tolist(), strict=True))
    assert "although it is a duplicate of labelled sample 901 (similarity 0.995)" in said[4]
    assert "although" not in said[2]


def test_with_nothing_labelled_there_are_no_duplicates():
    view = replace(pool(), labelled_ids=np.empty(0, dtype=np.int64), labels=None, labelled_embeddings=None)
    assert Candidates(duplicates=0.9).select(Random(), view, 1, rng()).reasons["considered"].tolist() == [40]


def test_outliers_are_left_out():
    points = np.append(np.linspace(0, 1, 38), [50.0, -90.0])[:, None]
    query = Candidates(outliers=0.05).select(Random(), plain(40, embeddings=points), 38, rng())
    assert set(query.ids.tolist()) == set(range(38))
    more = Candidates(outliers=0.05).select(Random(), plain(40, embeddings=points), 39, rng())
    assert set(more.ids.tolist()) == set(range(39))  # the more typical of the two comes back


def test_a_random_subset_is_looked_at_and_grows_where_it_leaves_too_few():
    view = of_angles(np.zeros(40), labelled=[0.0])
    view = replace(view, embeddings=np.where(np.arange(40)[:, None] < 3, [[0.0, 1.0]], view.embeddings))
    found = Candidates(duplicates=0.9, at_most=4).select(Random(), view, 3, rng())
    assert sorted(found.ids.tolist()) == [0, 1, 2]
    seen = [Candidates(at_most=10).select(Margin(), pool(), 1, rng(seed)) for seed in range(30)]
    assert {query.reasons["considered"][0].item() for query in seen} == {10}
    assert len({query.ids[0].item() for query in seen}) > 4


def test_weight_is_the_chance_of_being_kept():
    weights = np.array([0.0] * 10 + [1.0] * 500 + [4.0] * 500)
    query = Candidates(weight="w").select(Random(), plain(1010, columns={"w": weights}), 400, rng())
    assert query.ids.min() >= 10
    assert 580 < query.reasons["considered"][0] < 670
    assert 0.7 < (query.ids >= 510).mean() < 0.9


def test_weight_zero_comes_back_last_of_all():
    view = replace(of_angles([0.0, 0, 90], labelled=[0.0]), columns={"w": np.array([1.0, 1, 0])})
    query = Candidates(duplicates=0.9, weight="w").select(Random(), view, 2, rng())
    assert sorted(query.ids.tolist()) == [0, 1]
    last = Candidates(duplicates=0.9, weight="w").select(Random(), view, 3, rng())
    assert any("although it is of weight 0" in reason for reason in last.reasons["reason"])


def test_dear_samples_are_asked_for_less_often():
    view = plain(1000, columns={"cost": np.repeat([1.0, 4.0], 500)})
    query = Candidates(cost="cost").select(Random(), view, 300, rng())
    assert 0.12 < (query.ids >= 500).mean() < 0.28


def test_shares_are_forced_and_the_beginning_is_shared_out_as_the_whole():
    view = plain(100, columns={"place": np.repeat(["a", "b", "c"], [80, 10, 10])})
    query = Candidates(group="place", shares={"a": 0.5, "b": 0.5}).select(Random(), view, 12, rng())
    assert query.reasons["group"].tolist().count("b") == 6
    assert set(query.reasons["group"][:4].tolist()) == {"a", "b"}
    fuller = Candidates(group="place", shares={"b": 1}).select(Random(), view, 14, rng())
    assert fuller.reasons["group"].tolist().count("b") == 10


def test_balanced_gives_every_group_as_much_even_from_a_small_random_subset():
    view = plain(1000, columns={"floor": np.repeat([0, 1], [990, 10])})
    for options in ({}, {"at_most": 20}):
        query = Candidates(group="floor", balanced=True, **options).select(Random(), view, 10, rng())
        assert query.reasons["group"].tolist().count("1") == 5


def test_a_group_of_duplicates_leaves_its_share_to_the_others():
    view = of_angles([0.0] * 5 + list(range(40, 80)), labelled=[0.0])
    view = replace(view, columns={"place": np.array(["a"] * 5 + ["b"] * 40)})
    query = Candidates(group="place", balanced=True, duplicates=0.99).select(Random(), view, 8, rng())
    assert set(query.reasons["group"].tolist()) == {"b"}


@settings(max_examples=50)
@given(
    shares=st.lists(st.floats(0, 9), min_size=1, max_size=6),
    rooms=st.lists(st.integers(0, 30), min_size=6, max_size=6),
    part=st.floats(0, 1),
)
def test_a_batch_is_divided_by_largest_remainder_and_never_beyond_the_room(shares, rooms, part):
    room = np.array(rooms[: len(shares)])
    size = int(part * room.sum())
    parts = divide(size, np.array(shares), room, np.arange(len(shares)))
    assert parts.sum() == size
    assert (parts >= 0).all()
    assert (parts <= room).all()
    exact = size * np.array(shares) / (sum(shares) or 1)
    if sum(shares) and (exact + 1 <= room).all():
        assert (np.abs(parts - exact) < 1 + 1e-6).all()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"duplicates": 0}, "duplicates is 0; it must be above 0 and at most 1"),
        ({"duplicates": 1.1}, "duplicates is 1.1"),
        ({"outliers": 1.0}, "outliers is 1.0; it must be at least 0 and below 1"),
        ({"outliers": float("nan")}, "outliers is nan"),
        ({"at_most": 0}, "at_most is 0; it must be at least 1"),
        ({"shares": {"a": 1.0}}, "need candidates.group"),
        ({"group": "place"}, "needs either"),
        ({"group": "place", "balanced": True, "shares": {"a": 1.0}}, "not both"),
        ({"group": "place", "shares": {"a": -1.0}}, "shares.a is -1.0; it must be at least 0"),
        ({"group": "place", "shares": {"a": 0.0}}, "all 0"),
    ],
)
def test_options_that_cannot_be_are_told(options, told):
    with pytest.raises(ConfigError, match=told):
        Candidates(**options)


def test_unknown_and_unsound_columns_are_told():
    with pytest.raises(ConfigError, match="weight is 'wieght', which is not a column.*cost, floor, place, weight"):
        Candidates(weight="wieght").select(Random(), pool(), 1, rng())
    with pytest.raises(InvalidArray, match="must hold numbers"):
        Candidates(cost="place").select(Random(), pool(), 1, rng())
    view = plain(3, columns={"cost": np.array([1.0, 0, 2])})
    with pytest.raises(InvalidArray, match="above 0; samples 1 are not"):
        Candidates(cost="cost").select(Random(), view, 1, rng())
    with pytest.raises(PoolExhausted, match="asked for 4"):
        Candidates(cost="cost").select(Random(), view, 4, rng())


@pytest.mark.parametrize("name", ["all", "tidy"])
def test_the_yamls_show_every_option_and_can_be_changed(name):
    node = OmegaConf.load(conf_dir() / "candidates" / f"{name}.yaml")
    assert set(node) - {"_target_"} == set(Candidates.__dataclass_fields__)
    assert (build_part(node) == Candidates()) == (name == "all")
    node.merge_with(OmegaConf.create({"group": "place", "shares": {"north": 1}}))
    assert build_part(node).shares == {"north": 1.0}


@pytest.mark.parametrize(
    "column",
    [np.arange(40) % 3, np.arange(40) % 3 + 0.0, np.array([None, 1, 2] * 14, dtype=object)[:40]],
    ids=["whole", "floats", "objects"],
)
def test_groups_may_be_numbers_or_hold_gaps(column):
    view = replace(plain(40), columns={"room": column})
    node = OmegaConf.load(conf_dir() / "candidates" / "all.yaml")
    node.merge_with(OmegaConf.create({"group": "room", "shares": {1: 3, "2": 1}}))
    rules = build_part(node)
    rules.check(view.columns)
    query = rules.select(Random(), view, 8, rng())
    assert np.unique(query.reasons["group"], return_counts=True)[1].tolist() == [6, 2]
    with pytest.raises(ConfigError, match="names 7, but column 'room' has .*1, 2"):
        Candidates(group="room", shares={"7": 1}).check(view.columns)


def test_embeddings_that_rules_want_are_asked_for_by_the_rules():
    with pytest.raises(InvalidArray, match="candidates.duplicates and candidates.outliers need embeddings"):
        Candidates(duplicates=0.9).select(Random(), plain(9), 3, rng())


def test_a_random_slice_is_drawn_from_all_and_marked():
    view = PoolView(np.arange(50), probs=np.random.default_rng(0).dirichlet(np.ones(3), size=50))
    query = Candidates(random_share=0.25, at_most=10).select(Margin(), view, 8, np.random.default_rng(0))
    assert query.reasons["random_slice"].tolist() == [False] * 6 + [True] * 2
    assert len(set(query.ids.tolist())) == 8
    assert "at random" in query.reasons["reason"][-1]
    assert query.reasons["considered"].tolist() == [10] * 6 + [-1] * 2


def test_every_candidate_is_as_likely_in_the_slice():
    view = PoolView(np.arange(10), probs=np.random.default_rng(0).dirichlet(np.ones(3), size=10))
    counts = np.zeros(10)
    for seed in range(2000):
        query = Candidates(random_share=0.3).select(Margin(), view, 4, np.random.default_rng(seed))
        counts[query.ids[query.reasons["random_slice"]]] += 1
    assert abs(counts.sum() / 2000 - 1.2) < 0.05  # so many on average, where it is no whole number
    assert counts.min() > 0.8 * counts.mean()

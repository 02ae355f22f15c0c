import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.core.types import Split
from poolwise.data.holdout import assign_splits, draw, quotas

POOL, TEST = Split.POOL, Split.TEST
counts = st.lists(st.integers(0, 30), min_size=1, max_size=8)


@given(counts, st.integers(0, 200))
def test_quotas_sum_to_what_there_is_and_stay_near_proportion(sizes, total):
    shares = quotas(sizes, total, sizes)
    assert shares.sum() == min(total, sum(sizes))
    assert (shares <= sizes).all()
    if sum(sizes) >= total > 0:
        assert np.abs(shares - np.array(sizes) * total / sum(sizes)).max() < 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.data())
def test_single_rows_are_drawn_exactly_and_the_same_again(classes, data):
    count = data.draw(st.integers(0, len(classes)))
    units = [str(at) for at in range(len(classes))]
    drawn = draw(np.array(classes), units, count, 0, "test")
    assert drawn.sum() == count
    assert (drawn == draw(np.array(classes), units, count, 0, "test")).all()


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 8)), min_size=1, max_size=60), st.floats(0, 0.5))
def test_groups_are_never_divided_and_every_class_keeps_something(rows, fraction):
    labels = np.array([label for label, _ in rows])
    units = [f"group {group}" for _, group in rows]
    splits = assign_splits([None] * len(rows), labels, units, test_fraction=fraction, validation_fraction=0.1, seed=0)
    for unit in set(units):
        assert len({splits[at] for at in range(len(rows)) if units[at] == unit}) == 1
    if (labels >= 0).any():
        assert ((splits == "pool") & (labels >= 0)).any()
    else:
        assert (splits == "pool").all()


def test_a_fifth_of_each_class_is_held_out():
    labels = np.repeat([0, 1], [50, 10])
    splits = assign_splits(
        [None] * 60, labels, [str(at) for at in range(60)], test_fraction=0.2, validation_fraction=0.1, seed=0
    )
    assert np.bincount(labels[splits == "test"]).tolist() == [10, 2]
    assert np.bincount(labels[splits == "validation"]).tolist() == [5, 1]


def test_said_test_rows_stay_the_only_ones():
    splits = assign_splits(
        [TEST, POOL, None], np.array([0, 0, 1]), list("abc"), test_fraction=0.5, validation_fraction=0, seed=0
    )
    assert splits.tolist() == ["test", "pool", "pool"]


def test_another_seed_holds_out_other_rows():
    classes, units = np.zeros(100, dtype=np.int64), [str(at) for at in range(100)]
    assert (draw(classes, units, 20, 0, "test") != draw(classes, units, 20, 1, "test")).any()
    assert (draw(classes, units, 20, 0, "test") != draw(classes, units, 20, 0, "limit")).any()


def test_adding_rows_moves_few_of_the_old_ones():
    units = [str(at) for at in range(220)]
    before = draw(np.zeros(200, dtype=np.int64), units[:200], 40, 0, "test")
    after = draw(np.zeros(220, dtype=np.int64), units, 44, 0, "test")[:200]
    assert (before != after).sum() <= 10


@pytest.mark.parametrize("fraction", [0.01, 0.2])
def test_multi_label_rows_are_spread_by_their_rarest_class(fraction):
    labels = np.zeros((1000, 3), dtype=np.int8)
    labels[:, 0], labels[::10, 1] = 1, 1
    splits = assign_splits(
        [None] * 1000, labels, [str(at) for at in range(1000)], test_fraction=fraction, validation_fraction=0, seed=0
    )
    assert labels[splits == "test"].sum(axis=0).tolist() == [1000 * fraction, 100 * fraction, 0]

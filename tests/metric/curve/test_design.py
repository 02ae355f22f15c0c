"""Subsets are drawn without replacement, hold the classes in proportion, and come from the generator alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.core.errors import ConfigError, InvalidArray, PoolExhausted
from poolwise.metric.curve.design import disjoint_subsets, log_spaced, nested_subsets, plan, sizes, stratified_order


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_default_plan_is_five_sizes_with_twenty_trainings():
    cells = plan(sizes(2000))
    assert [sum(cell.size == size for cell in cells) for size in sizes(2000)] == [5, 5, 4, 3, 3]
    assert len(set(cells)) == 20


def test_few_samples_of_many_classes_are_refused_and_small_shares_raised():
    assert sizes(200, classes=10)[0] == 20
    with pytest.raises(ConfigError, match="no three sizes"):
        sizes(50, classes=10)


def test_log_spaced_sizes():
    assert log_spaced(10, 1000, 3) == (10, 100, 1000)
    with pytest.raises(ConfigError):
        log_spaced(10, 10)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_every_beginning_holds_the_classes_in_proportion(labels, seed):
    order = stratified_order(labels, rng(seed))
    assert sorted(order.tolist()) == list(range(len(labels)))
    given_labels = np.array(labels)
    for cut in (1, len(labels) // 3 + 1, len(labels)):
        for number in set(labels):
            share = (given_labels == number).mean()
            # every class is within one of its share of positions, and so are the others together
            assert abs((given_labels[order[:cut]] == number).sum() - share * cut) <= len(set(labels))


def test_a_balanced_set_gives_balanced_subsets():
    labels = np.tile(np.arange(10), 50)
    found = nested_subsets(labels, [100, 250], rng())
    assert np.ptp(np.bincount(labels[found[100]])) <= 2
    assert set(found[100]) < set(found[250])


def test_repeats_are_disjoint_while_samples_last():
    labels = np.tile(np.arange(5), 20)
    found = disjoint_subsets(labels, 30, 4, rng())
    assert len(np.unique(np.concatenate(found[:3]))) == 90
    assert all(len(np.unique(subset)) == 30 for subset in found)


def test_the_generator_decides_alone():
    labels = np.tile(np.arange(5), 20)
    same = [disjoint_subsets(labels, 30, 2, rng(7))[1].tolist() for _ in range(2)]
    assert same[0] == same[1]
    assert same[0] != disjoint_subsets(labels, 30, 2, rng(8))[1].tolist()


def test_more_than_there_is_is_refused():
    with pytest.raises(PoolExhausted, match="none is taken twice"):
        nested_subsets([0, 1], [3], rng())
    with pytest.raises(InvalidArray):
        stratified_order([[0, 1]], rng())
    with pytest.raises(ConfigError):
        plan([10], [0])

"""Which samples each training learns."""

from dataclasses import replace

import numpy as np
import pytest

from builders import Blobs
from poolwise.core.errors import ConfigError, DataError, PoolExhausted
from poolwise.core.types import LabelledSet
from poolwise.jobs.samplesize.cells import cells, split_samples, subsets, trainings
from poolwise.metric.curve.design import Cell

TRAIN = LabelledSet(np.arange(100), np.arange(100) % 4)
PLAN = [Cell(8, 0), Cell(8, 1), Cell(40, 0), Cell(40, 1), Cell(40, 2)]


@pytest.mark.parametrize("kind", ["disjoint", "nested", "independent"])
def test_subsets_hold_classes_in_proportion_and_no_sample_twice(kind):
    for cell, rows in subsets(TRAIN, PLAN, kind, 0).items():
        assert len(np.unique(rows)) == cell.size
        assert np.ptp(np.bincount(TRAIN.labels[rows], minlength=4)) <= 2


def test_repeats_share_no_sample_while_they_last():
    found = subsets(TRAIN, PLAN, "disjoint", 0)
    assert not set(found[Cell(8, 0)]) & set(found[Cell(8, 1)])
    assert not set(found[Cell(40, 0)]) & set(found[Cell(40, 1)])


def test_nested_subsets_lie_inside_the_next_larger_one():
    found = subsets(TRAIN, PLAN, "nested", 0)
    assert set(found[Cell(8, 1)]) < set(found[Cell(40, 1)])


@pytest.mark.parametrize("kind", ["disjoint", "nested", "independent"])
def test_a_cell_stays_the_same_when_sizes_and_repeats_are_added(kind):
    before = subsets(TRAIN, PLAN, kind, 0)
    after = subsets(TRAIN, [*PLAN, Cell(8, 2), Cell(20, 0), Cell(20, 1), Cell(100, 0)], kind, 0)
    assert all((before[cell] == after[cell]).all() for cell in PLAN)


def test_another_seed_draws_others():
    first, second = (subsets(TRAIN, PLAN, "disjoint", seed)[Cell(8, 0)] for seed in (0, 1))
    assert (first != second).any()


def test_a_size_above_what_is_labelled_is_told():
    with pytest.raises(PoolExhausted, match="101"):
        subsets(TRAIN, [Cell(101, 0)], "disjoint", 0)


def test_shares_and_sizes(fakes):
    settings = fakes().settings
    assert sorted({cell.size for cell in cells(settings, 1000, 3)}) == [50, 100, 200, 350, 500]
    assert {cell.size for cell in cells(replace(settings, shares=(0.1, 1.0)), 1000, 3)} == {100, 1000}
    assert [cell.size for cell in cells(replace(settings, sizes=(9, 5), repeats=(2, 1)), 1000, 3)] == [5, 5, 9]
    with pytest.raises(ConfigError, match="no three sizes"):
        cells(settings, 20, 10)


def test_samples_in_one_group_with_a_test_sample_are_left_out(fakes):
    images = Blobs(n=121, test=31, hide_labels=False, grouped=True)  # g30 holds 90, 91, 92
    images = replace(images, test=30)  # 91 and 92 are test samples, 90 is not
    common = split_samples(fakes(), images)
    assert common.leaks == 1
    assert 90 not in common.train.ids


def test_nothing_to_measure_with_is_told(fakes):
    parts = fakes(test="validation")
    with pytest.raises(DataError, match="0 in validation"):
        split_samples(parts, parts.images)


def test_files_are_named_by_all_that_shapes_a_training(fakes, tmp_path):
    common = split_samples(fakes(), fakes().images)
    rows = subsets(common.train, PLAN, "disjoint", 0)
    named = {
        fit.file
        for config, seed in (({"a": 1}, 0), ({"a": 2}, 0), ({"a": 1}, 1))
        for fit in trainings(common, rows, config, seed, tmp_path).values()
    }
    assert len(named) == 3 * len(PLAN)

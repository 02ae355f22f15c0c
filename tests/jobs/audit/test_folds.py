import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.core.errors import ConfigError, DataError
from poolwise.core.labels import strata
from poolwise.jobs.audit.folds import fold_numbers, unseen

ALONE = np.full(200, -1)


def rng():
    return np.random.default_rng(0)


def test_every_class_is_dealt_out_evenly():
    labels = np.repeat([0, 1, 2], [100, 50, 50])
    folds = fold_numbers(labels, ALONE, 5, rng())
    for each in range(3):
        counts = np.bincount(folds[labels == each], minlength=5)
        assert counts.max() - counts.min() <= 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 6)), min_size=12, max_size=60), st.integers(2, 3))
def test_a_group_is_in_one_fold_and_no_fold_is_empty(rows, count):
    labels, groups = np.array(rows).T
    if len(np.unique(groups[groups >= 0])) + (groups < 0).sum() < count:
        return
    folds = fold_numbers(labels, groups, count, rng())
    for group in np.unique(groups[groups >= 0]):
        assert len(np.unique(folds[groups == group])) == 1
    assert set(folds) == set(range(count))


def test_same_generator_same_folds():
    labels = np.arange(200) % 7
    assert (fold_numbers(labels, ALONE, 4, rng()) == fold_numbers(labels, ALONE, 4, rng())).all()


def test_a_class_of_one_sample_is_judged_by_nobody():
    labels = np.array([0] * 9 + [1])
    folds = fold_numbers(labels, ALONE[:10], 3, rng())
    assert np.flatnonzero(unseen(labels, folds)).tolist() == [9]


def test_a_class_rarer_than_the_folds_is_judged_by_the_others():
    labels = np.array([0] * 18 + [1, 1])
    folds = fold_numbers(labels, ALONE[:20], 5, rng())
    assert folds[18] != folds[19]
    assert not unseen(labels, folds).any()


def test_several_classes_a_sample_are_dealt_out_by_the_rarest():
    labels = np.zeros((40, 2), dtype=np.int8)
    labels[:, 0], labels[:8, 1] = 1, 1
    assert strata(labels)[:8].tolist() == [1] * 8
    folds = fold_numbers(labels, ALONE[:40], 4, rng())
    assert np.bincount(folds[:8]).tolist() == [2, 2, 2, 2]


def test_what_cannot_be_dealt_out_is_refused():
    with pytest.raises(ConfigError, match="at least 2"):
        fold_numbers(np.zeros(4, dtype=int), ALONE[:4], 1, rng())
    with pytest.raises(DataError, match="lower folds"):
        fold_numbers(np.zeros(4, dtype=int), np.zeros(4, dtype=int), 2, rng())

"""Labels dropped, filled in and intersected within components, by hand."""

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.quality.pruning.label import ByLabel, Intersection

SEVERAL = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 1, 0], [-1, -1, -1]])
GROUPS = np.array([0, 0, 0, -1, 0])


def prune_labels(groups, labels, **options):
    return ByLabel(**options).prune(groups, labels).labels


def test_a_label_that_few_have_is_dropped():
    assert prune_labels(GROUPS, SEVERAL, least=0.5).tolist() == [[1, 0, 0]] * 3 + [[0, 1, 0], [-1, -1, -1]]
    assert prune_labels(GROUPS, SEVERAL, least=1 / 3).tolist() == SEVERAL.tolist()


def test_a_label_that_many_have_is_given_to_all():
    labels = np.array([[1, 1], [1, 0], [0, 0]])
    assert prune_labels(np.zeros(3, dtype=np.int64), labels, least=0, fill=0.6).tolist() == [[1, 1], [1, 0], [1, 0]]


def test_of_one_class_a_sample_the_odd_one_is_unknown_or_filled_in():
    groups, labels = np.array([3, 3, 3, 4, 4]), np.array([0, 0, 2, 1, 2])
    assert prune_labels(groups, labels).tolist() == [0, 0, -1, 1, 2]
    assert prune_labels(groups, labels, fill=0.6).tolist() == [0, 0, 0, 1, 2]
    assert prune_labels(groups, labels, fill=0.5).tolist() == [0, 0, 0, 1, 1]  # of equals the lower


def test_the_intersection_keeps_what_all_have():
    keep = Intersection()
    assert keep.prune(GROUPS, SEVERAL).labels.tolist() == [[1, 0, 0]] * 3 + [[0, 1, 0], [-1, -1, -1]]
    assert keep.prune(np.array([0, 0, -1]), np.array([1, 2, 2])).labels.tolist() == [-1, -1, 2]


def test_no_component_changes_nothing():
    assert prune_labels(np.full(3, -1), np.array([0, -1, 2])).tolist() == [0, -1, 2]
    assert prune_labels(np.empty(0, dtype=np.int64), np.empty((0, 3), dtype=np.int8)).shape == (0, 3)


@pytest.mark.parametrize("options", [{"least": 1.1}, {"least": -0.1}, {"fill": 0.4}, {"fill": 1.2}])
def test_shares_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match=rf"ByLabel\.{next(iter(options))} is"):
        prune_labels(GROUPS, SEVERAL, **options)


def test_the_part_leaves_out_who_lost_the_only_label_and_nobody_else():
    pruned = ByLabel().prune(np.array([0, 0, 0, -1]), np.array([0, 0, 2, -1]))
    assert pruned.keep.tolist() == [True, True, False, True]
    assert Intersection().prune(GROUPS, SEVERAL).keep.all()

"""The versions of the training labels, by hand."""

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.core.types import LabelledSet
from poolwise.jobs.compare.arms import ARMS, Case, alike, chosen, training_set
from poolwise.quality.pruning.pruned import Pruned

GIVEN = np.array([0, 0, 0, 1, 1, 1])
TRUTH = np.array([0, 1, 0, 1, 0, -1])
KEEP = np.array([True, False, True, True, False, True])
SUGGESTED = np.array([0, 1, 0, 1, 1, 1])
IDS = np.array([2, 3, 5, 7, 11, 13])


def case(truth=TRUTH, seed=0):
    train = LabelledSet(IDS, GIVEN)
    return Case(seed, train, Pruned(KEEP, GIVEN, SUGGESTED), np.array([1, 4, 0, 2, 3, 5]), truth, train, None)


@pytest.mark.parametrize(
    ("arm", "review", "ids", "labels"),
    [
        ("raw", None, IDS, GIVEN),
        ("pruned", None, [2, 5, 7, 13], [0, 0, 1, 1]),
        ("relabelled", None, IDS, SUGGESTED),
        ("reviewed", 1, IDS, [0, 1, 0, 1, 1, 1]),
        ("reviewed", None, IDS, [0, 1, 0, 1, 0, 1]),  # as many as pruned removes
        ("reviewed", 0, IDS, GIVEN),
        ("truth", None, IDS, [0, 1, 0, 1, 0, 1]),  # what nobody knows stays as given
    ],
)
def test_what_each_arm_learns(arm, review, ids, labels):
    found = training_set(arm, case(), review)
    assert found.ids.tolist() == list(ids)
    assert found.labels.tolist() == list(labels)


def test_random_pruning_has_the_size_and_the_class_mix_of_pruning_and_is_drawn_anew_for_each_seed():
    drawn = set()
    for seed in range(20):
        found = training_set("random_pruned", case(seed=seed), None)
        assert np.bincount(found.labels).tolist() == np.bincount(GIVEN[KEEP]).tolist()
        drawn.add(tuple(found.ids.tolist()))
    assert len(drawn) > 4


def test_of_several_classes_a_sample_the_rarest_is_kept_in_proportion():
    labels = np.array([[1, 0], [1, 0], [1, 1], [0, 0]])
    assert alike(labels, np.array([2, 3]), np.random.default_rng(0)).tolist() == [2, 3]


def test_the_truth_reaches_only_the_arms_that_may_see_it():
    other = np.array([1, 0, 1, 0, 1, 0])
    for arm in ARMS:
        first, second = (training_set(arm, case(truth), None) for truth in (TRUTH, other))
        same = first.ids.tolist() == second.ids.tolist() and first.labels.tolist() == second.labels.tolist()
        assert same == (arm not in ("reviewed", "truth")), arm


def test_arms_that_cannot_be_trained_are_left_out_with_a_note():
    arms, notes = chosen(tuple(ARMS), truth=False, suggests=False)
    assert arms == ("raw", "pruned", "random_pruned")
    assert [note.split()[0] for note in notes] == ["relabelled", "reviewed", "truth"]


@pytest.mark.parametrize("wanted", [["raw", "prunned"], ["pruned", "truth"], ["raw"], ["raw", "raw"]])
def test_unknown_arms_and_nothing_to_compare_with_are_refused(wanted):
    with pytest.raises(ConfigError, match="arms"):
        chosen(wanted, truth=True, suggests=True)

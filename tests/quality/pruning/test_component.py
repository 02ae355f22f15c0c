"""Whole components by how far their labels are apart, by hand."""

import numpy as np
import pytest

from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.quality.pruning.component import ByComponent, Spread, spread
from poolwise.quality.pruning.counts import components

GROUPS = np.array([0, 0, 0, 0, 5, 5, 9, 9, -1, -1])
LABELS = np.array([1, 1, 1, 2, 0, 0, 3, 1, 2, 2])  # 3:1, all alike, 1:1


def prune_components(groups, labels, **options):
    return ByComponent(**options).prune(groups, labels).keep


def test_spread_by_hand():
    found = components(GROUPS, LABELS)
    assert found.sizes.tolist() == [4, 2, 2]
    assert spread(found, Spread.UNEVEN).tolist() == [0.75, 0.0, 1.0]  # mean of 4 * 3/4 * 1/4 twice; 4 * 1/2 * 1/2 twice
    assert spread(found, Spread.VARIANCE).tolist() == [1.0, 0.0, 0.0]  # counts 3 and 1 around 2
    logs = np.log([3, 1])
    assert spread(found, Spread.GEOMETRIC) == pytest.approx([np.exp(logs.var()) - 1, 0, 0])
    assert spread(found, Spread.CUBIC) == pytest.approx([0.25, 0, 0])  # (1 + 1) / 2, third root, over 4


def test_several_labels_a_sample_by_hand():
    labels = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]])
    found = components(np.zeros(4, dtype=np.int64), labels)
    assert found.counts.tolist() == [[3, 1, 0]]
    assert spread(found, Spread.UNEVEN).tolist() == [0.75]  # the third label counts for nothing: nobody has it


@pytest.mark.parametrize("measure", list(Spread))
def test_a_component_that_agrees_always_stays(measure):
    labels = np.array([[1, 1], [1, 1], [0, 1], [0, 1]])
    assert prune_components(np.array([0, 0, 1, 1]), labels, measure=measure).all()


def test_an_absolute_threshold_is_the_last_that_stays():
    assert prune_components(GROUPS, LABELS, threshold=0.75).tolist() == [True] * 6 + [False] * 2 + [True] * 2
    assert prune_components(GROUPS, LABELS, threshold=0.74)[:4].tolist() == [False] * 4


def test_a_percentile_is_of_the_components_not_of_the_samples():
    kept = prune_components(GROUPS, LABELS, threshold=50, percentile=True)  # the median of .75, 0 and 1 is .75
    assert kept.tolist() == [True] * 6 + [False] * 2 + [True] * 2
    assert prune_components(GROUPS, LABELS, threshold=100, percentile=True).all()


def test_singletons_may_be_left_out():
    assert prune_components(GROUPS, LABELS, singletons=False).tolist() == [False] * 4 + [True] * 2 + [False] * 4


def test_unknown_labels_say_nothing_and_stay():
    labels = np.array([1, 1, -1, -1])
    assert prune_components(np.array([0, 0, 0, -1]), labels, singletons=False).tolist() == [True] * 4
    alone = prune_components(np.array([0, 0]), np.array([1, -1]), singletons=False)
    assert alone.tolist() == [False, True]  # one labelled sample is no component


def test_no_component_at_all():
    assert prune_components(np.full(3, -1), np.array([0, 1, 2])).all()
    assert not prune_components(np.full(3, -1), np.array([0, 1, 2]), singletons=False).any()
    assert prune_components(np.full(3, -1), np.array([0, 1, 2]), threshold=50, percentile=True).all()
    assert len(prune_components(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))) == 0


@pytest.mark.parametrize("options", [{"threshold": -1}, {"threshold": 101, "percentile": True}, {"threshold": np.nan}])
def test_thresholds_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match="threshold"):
        prune_components(GROUPS, LABELS, **options)


@pytest.mark.parametrize("groups", [np.zeros(3, dtype=np.int64), np.zeros(10), np.zeros((10, 1), dtype=np.int64)])
def test_groups_that_do_not_fit_are_refused(groups):
    with pytest.raises(InvalidArray):
        components(groups, LABELS)


def test_the_labels_of_those_that_stay_are_kept_and_none_is_suggested():
    pruned = ByComponent(threshold=0.75).prune(GROUPS, LABELS)
    assert pruned.labels.tolist() == LABELS.tolist()
    assert pruned.suggested is None

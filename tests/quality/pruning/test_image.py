"""Single pictures that disagree with their component, by hand."""

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.quality.pruning.image import Agreement, ByImage

GROUPS = np.zeros(4, dtype=np.int64)
LABELS = np.array([[1, 0], [1, 0], [1, 1], [0, 0]])  # shares 3/4 and 1/4


def prune_images(groups, labels, **options):
    return ByImage(**options).prune(groups, labels).keep


def test_least_mean_and_all_by_hand():
    for agreement, agrees in (
        (Agreement.LEAST, [0.75, 0.75, 0.25, 1.0]),
        (Agreement.MEAN, [0.75, 0.75, 0.5, 1.0]),
        (Agreement.ALL, [0.75, 0.75, 0.5, 0.5]),  # the last: 1 - 3/4 and 1 - 1/4
    ):
        for threshold in (0.25, 0.4, 0.5, 0.6, 0.8):
            kept = prune_images(GROUPS, LABELS, threshold=threshold, agreement=agreement)
            assert kept.tolist() == [share >= threshold for share in agrees], agreement


def test_one_class_a_sample():
    assert prune_images(np.array([7, 7, 7, 8, 8, -1]), np.array([2, 2, 0, 1, 2, 0])).tolist() == [
        True, True, False, True, True, True,
    ]  # fmt: skip


def test_singletons_and_unknown_labels():
    groups, labels = np.array([0, 0, 0, -1, -1]), np.array([1, 1, -1, 0, -1])
    assert prune_images(groups, labels).all()
    assert prune_images(groups, labels, singletons=False).tolist() == [True, True, True, False, True]


def test_nothing_at_all():
    assert len(prune_images(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))) == 0
    assert prune_images(np.full(2, -1), np.array([-1, -1]), singletons=False).all()


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_shares_out_of_range_are_refused(threshold):
    with pytest.raises(ConfigError, match="threshold"):
        prune_images(GROUPS, LABELS, threshold=threshold)


def test_the_default_is_one_half_by_the_rarest_label():
    assert ByImage().prune(GROUPS, LABELS).keep.tolist() == [True, True, False, True]

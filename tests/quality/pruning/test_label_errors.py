"""The head of a detector's list is flagged."""

import numpy as np
import pytest

from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.quality.label_error.label_errors import LabelErrors
from poolwise.quality.pruning.label_errors import ByLabelErrors

LABELS = np.array([0, 1, 1, 0])
ALONE = np.full(4, -1)


def found(count, suggested=(1, 1, 0, 0)):
    quality = np.array([0.2, 0.9, 0.1, 0.8])
    return LabelErrors(
        np.argsort(quality), quality, np.array(suggested), np.full(4, 0.9), count, (0.0, 4.0), {}, np.ones(4), "auto"
    )


@pytest.mark.parametrize(("count", "flagged"), [(0.4, []), (1.0, [2]), (2.2, [0, 2]), (9.0, [0, 1, 2, 3])])
def test_as_many_as_the_detector_counts(count, flagged):
    pruned = ByLabelErrors().prune(ALONE, LABELS, found(count))
    assert np.flatnonzero(~pruned.keep).tolist() == flagged
    assert (pruned.suggested != LABELS).tolist() == [at in flagged and at in (0, 2) for at in range(4)]
    assert pruned.labels.tolist() == LABELS.tolist()


def test_a_share_of_the_users_own():
    assert ByLabelErrors(share=0.5).prune(ALONE, LABELS, found(0)).keep.tolist() == [False, True, False, True]
    assert ByLabelErrors(share=0.0).prune(ALONE, LABELS, found(3)).keep.all()


def test_it_needs_a_whole_ranking():
    with pytest.raises(InvalidArray, match="got nothing"):
        ByLabelErrors().prune(ALONE, LABELS)
    with pytest.raises(InvalidArray, match="got 4"):
        ByLabelErrors().prune(ALONE[:3], LABELS[:3], found(1))


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ConfigError, match="share"):
        ByLabelErrors(share=1.0)

"""Several models and several detectors together."""

import numpy as np
import pytest
from scipy.stats import rankdata

import poolwise
from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.quality.label_error.ensemble import Weighting, by_mean_rank, model_weights
from quality.label_error.data import blurred


def three():
    labels, probs = blurred()
    return labels, [probs, (probs + 1 / 3) / 2, probs[:, [1, 0, 2]]]


@pytest.mark.parametrize(
    ("weighting", "expected"),
    [
        (Weighting.EVEN, [1 / 3] * 3),
        (Weighting.ACCURACY, [0.396694, 0.396694, 0.206612]),
        (Weighting.LOG_LOSS, [0.692315, 0.306938, 0.000747]),
    ],
)
def test_weights_are_those_recorded_from_cleanlab(weighting, expected):
    np.testing.assert_allclose(model_weights(*three(), weighting), expected, atol=1e-6)


def test_several_models_are_their_mean():
    labels, models = three()
    alone = poolwise.find_label_errors(labels, 0.75 * models[0] + 0.25 * models[2], method="odds")
    both = poolwise.find_label_errors(labels, [models[0], models[2]], weights=[3, 1], method="odds")
    np.testing.assert_allclose(both.quality, alone.quality, atol=1e-5)


def test_one_detector_alone_keeps_its_ranking_and_two_alike_too():
    labels, probs = blurred()
    alone = poolwise.find_label_errors(labels, probs, method="odds")
    for members in (["odds"], ["odds", "normalised_margin"]):
        found = poolwise.find_label_errors(labels, probs, method="ensemble", members=members)
        assert found.count == alone.count
        np.testing.assert_allclose(rankdata(found.quality), rankdata(alone.quality), atol=8)
    np.testing.assert_allclose(by_mean_rank([alone.quality]), alone.quality)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"weights": "accurate"}, "weights must be one of"),
        ({"weights": [1, 2]}, "weights must be 3 numbers"),
        ({"weights": [0, 0, 0]}, "not all 0"),
        ({"method": "ensemble", "members": []}, r"members is \{\}; it must be not empty"),
        ({"method": "ensemble", "members": ["oods"]}, "did you mean 'odds'"),
        ({"method": "ensemble", "members": "odds"}, "must be names"),
    ],
)
def test_what_cannot_be_put_together_is_told(options, told):
    labels, models = three()
    with pytest.raises(ConfigError, match=told):
        poolwise.find_label_errors(labels, models, **options)


def test_weights_need_several_models_and_each_of_them_is_checked():
    labels, models = three()
    with pytest.raises(ConfigError, match="of several models"):
        poolwise.find_label_errors(labels, models[0], weights="accuracy")
    with pytest.raises(InvalidArray, match=r"probs\[1\] rows must sum to 1"):
        poolwise.find_label_errors(labels, [models[0], models[1] / 2])

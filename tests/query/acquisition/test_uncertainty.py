import numpy as np
import pytest

from poolwise.core.types import Task
from poolwise.query.acquisition import confidence
from poolwise.query.acquisition.uncertainty import Measure, uncertainty


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("measure", Measure)
def test_every_measure_orders_as_its_own_score_and_stays_within_one(measure, task):
    probs = np.random.default_rng(0).dirichlet(np.ones(5), size=50).astype(np.float32)
    plain = getattr(confidence, measure.value)(probs, task)
    scores = uncertainty(probs, measure, task)
    assert (np.argsort(scores, kind="stable") == np.argsort(plain, kind="stable")).all()
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_a_single_class_has_no_entropy():
    assert uncertainty(np.ones((3, 1), dtype=np.float32), Measure.ENTROPY).tolist() == [0, 0, 0]

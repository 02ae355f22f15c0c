import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from poolwise.core.errors import InvalidArray
from poolwise.metric.agreement import agreement, changed, cohen_kappa

numbers = arrays(np.int64, (2, 12), elements=st.integers(0, 3))


@settings(max_examples=50)
@given(numbers)
def test_kappa_is_that_of_scikit_learn(pair):
    first, second = pair
    if len(set(pair.ravel().tolist())) > 1:  # one class throughout is 0 / 0 there
        assert cohen_kappa(first, second, 4) == pytest.approx(cohen_kappa_score(first, second))


@given(numbers)
def test_kappa_does_not_care_who_is_first_nor_how_many_classes_could_have_come(pair):
    assert cohen_kappa(*pair, 4) == cohen_kappa(*pair[::-1], 4) == cohen_kappa(*pair, 9)
    assert cohen_kappa(pair[0], pair[0], 4) == 1.0


def test_one_class_throughout_is_full_agreement_and_two_different_ones_are_none():
    assert agreement(np.zeros(5, int), np.zeros(5, int), 3) == {"kappa": 1.0, "changed": 0.0}
    assert agreement(np.zeros(5, int), np.ones(5, int), 3) == {"kappa": 0.0, "changed": 1.0}


def test_of_several_labels_it_is_the_mean_over_labels():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 2, (2, 40, 3)).astype(np.int8)
    each = [cohen_kappa_score(first[:, at], second[:, at]) for at in range(3)]
    assert cohen_kappa(first, second, 3) == pytest.approx(np.mean(each))
    assert changed(first, second, 3) == pytest.approx((first != second).mean(axis=0).mean())


def test_small_integer_types_do_not_overflow():
    many = np.full(100_000, 100, dtype=np.int8)
    many[0] = 0
    assert cohen_kappa(many, many, 101) == 1.0


def test_without_samples_nothing_is_known():
    assert np.isnan(list(agreement(np.empty(0, int), np.empty(0, int), 3).values())).all()


@pytest.mark.parametrize("second", [np.array([0, 1]), np.array([0, 1, 3]), np.array([0, -1, 1]), np.array([0.0, 1, 1])])
def test_what_are_no_predictions_of_the_same_samples_is_refused(second):
    with pytest.raises(InvalidArray, match="predictions must be"):
        agreement(np.array([0, 1, 2]), second, 3)

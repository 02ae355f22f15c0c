import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.core.checks import check_embeddings, check_ids, check_labels, check_log_probs, check_probs, check_view
from poolwise.core.errors import ConfigError, InvalidArray, PoolExhausted
from poolwise.core.types import Head, Need, PoolView, Task

HALF = np.full((3, 2), 0.5, dtype=np.float32)


def test_sound_float32_arrays_pass_without_a_copy():
    assert check_probs(HALF) is HALF
    assert check_embeddings(HALF) is HALF


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_float_types_become_float32(kind):
    probs = np.random.default_rng(0).dirichlet(np.ones(100), size=4).astype(kind)
    assert check_probs(probs).dtype == check_embeddings(probs).dtype == np.float32


@given(row=st.integers(0, 4), bad=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_row_that_is_not_finite_is_named_by_its_id(row, bad):
    probs = np.full((5, 2), 0.5)
    probs[row, 1] = bad
    for check in (check_probs, check_embeddings):
        with pytest.raises(InvalidArray, match=f"samples {100 + row} hold NaN or infinity"):
            check(probs, ids=np.arange(100, 105))


def test_logits_are_told_from_probabilities():
    with pytest.raises(InvalidArray, match=r"rows 0 do not \(are these logits"):
        check_probs([[3.0, -2.0]])


def test_multiclass_rows_must_sum_to_one_and_multilabel_rows_need_not():
    with pytest.raises(InvalidArray, match="rows 1 do not"):
        check_probs([[0.5, 0.5], [0.9, 0.9]])
    assert check_probs([[0.9, 0.9]], Task.MULTILABEL).shape == (1, 2)


def test_rounding_beyond_one_is_cut_off():
    assert check_probs([[1.0000001, -1e-7]]).tolist() == [[1.0, 0.0]]


def test_numbers_whose_squares_leave_float32_are_refused():
    with pytest.raises(InvalidArray, match="scale them"):
        check_embeddings([[1e300, 0.0]])


@pytest.mark.parametrize("array", [[1.0, 2.0], [[[1.0]]], [["a"]], np.empty((3, 0))])
def test_arrays_that_are_no_matrices_of_numbers_are_refused(array):
    with pytest.raises(InvalidArray, match="must be"):
        check_embeddings(array)


@pytest.mark.parametrize(
    ("ids", "told"), [([1, 1], "more than once: 1"), ([-1], "-1"), ([0.5], "whole"), ([[1]], "shape")]
)
def test_ids_are_distinct_whole_numbers(ids, told):
    with pytest.raises(InvalidArray, match=told):
        check_ids(ids)


def test_labels_have_the_shape_of_their_task():
    assert check_labels([[0, 1], [-1, -1]], Task.MULTILABEL).dtype == np.int8
    with pytest.raises(InvalidArray, match="class numbers"):
        check_labels([[0, 1]])
    with pytest.raises(InvalidArray, match="at most 2"):
        check_labels([0, 3], classes=3)
    with pytest.raises(InvalidArray, match="3 columns"):
        check_labels([[0, 1]], Task.MULTILABEL, classes=3)


def test_draws_may_hold_probability_zero_but_not_nan():
    with np.errstate(divide="ignore"):
        draws = np.log([[[1.0, 0.0], [0.5, 0.5]]])
    assert check_log_probs(draws).dtype == np.float32
    for wrong, told in ((np.full((1, 1, 2), np.nan), "NaN"), (-draws, "at most 0"), (draws - 1, "sum to 1")):
        with pytest.raises(InvalidArray, match=told):
            check_log_probs(wrong)


def test_the_door_sorts_candidates_and_labelled_rows():
    view = PoolView(
        ids=np.array([9, 4]),
        probs=np.array([[0.9, 0.1], [0.4, 0.6]]),
        labelled_ids=np.array([7, 2]),
        labels=np.array([1, 0]),
        labelled_embeddings=np.array([[7.0], [2.0]]),
    )
    found = check_view(view, Need.PROBS, 1)
    assert found.ids.tolist() == [4, 9]
    assert found.probs.argmax(axis=1).tolist() == [1, 0]
    assert found.labelled_ids.tolist() == found.labelled_embeddings[:, 0].tolist() == [2, 7]
    assert found.labels.tolist() == [0, 1]


def test_the_door_names_what_is_missing():
    with pytest.raises(InvalidArray, match=r"needs probs \(N, C\) and embeddings \(N, D\); none came"):
        check_view(PoolView(np.arange(3)), Need.PROBS | Need.EMBEDDINGS, 1)
    with pytest.raises(InvalidArray, match="labelled samples"):
        check_view(PoolView(np.arange(3), labelled_ids=np.array([5])), Need.LABELLED_EMBEDDINGS, 1)
    assert check_view(PoolView(np.arange(3)), Need.LABELLED_EMBEDDINGS, 1).labelled_embeddings is None


def test_more_than_the_pool_has_is_refused_with_both_numbers():
    with pytest.raises(
        PoolExhausted, match="asked for 100 samples but 37 are unlabelled; lower query_size or stop earlier"
    ):
        check_view(PoolView(np.arange(37)), Need.NOTHING, 100)


@pytest.mark.parametrize("size", [-1, 1.5, True, "3"])
def test_a_size_that_is_no_count_is_refused(size):
    with pytest.raises(ConfigError, match="whole number"):
        check_view(PoolView(np.arange(3)), Need.NOTHING, size)


def test_arrays_that_do_not_belong_together_are_refused():
    for view, told in (
        (PoolView(np.arange(2), probs=HALF), "each of 2 ids; got 3"),
        (PoolView(np.arange(2), labelled_ids=np.array([1])), "samples 1 are labelled and candidates"),
        (PoolView(np.arange(2), labelled_ids=np.array([5]), labels=np.array([0, 1])), "each of 1 labelled"),
        (
            PoolView(np.arange(3), embeddings=HALF, labelled_ids=np.array([5]), labelled_embeddings=np.ones((1, 3))),
            "width 3, those of candidates 2",
        ),
    ):
        with pytest.raises(InvalidArray, match=told):
            check_view(view, Need.NOTHING, 1)


LABELLED = {"labelled_ids": np.array([7, 9])}
THIRDS = np.full((2, 3), 1 / 3)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"probs": HALF, "labels": np.array([0, 2]), **LABELLED}, "at most 1 .* got 2"),
        ({"head": Head(np.ones((2, 4)), np.zeros(2)), "labels": np.array([0, 2]), **LABELLED}, "at most 1"),
        ({"probs": HALF, "forecasts": THIRDS, **LABELLED}, "there are 2 classes, and forecasts of 3"),
        ({"probs": HALF, "log_probs_nkc": np.log(np.full((3, 1, 3), 1 / 3))}, "draws of 3"),
        ({"log_probs_nkc": np.log(HALF[:, None]), "head": Head(np.ones((3, 4)), np.zeros(3))}, "head of 3"),
        ({"forecasts": 2 * THIRDS, **LABELLED}, "forecasts must sum to 1; samples 7, 9 do not"),
        (
            {"head": Head(np.ones((2, 4)), np.zeros(2)), "embeddings": np.ones((3, 5))},
            "head is of width 4, embeddings of 5",
        ),
    ],
)
def test_arrays_of_other_classes_are_refused(arrays, told):
    with pytest.raises(InvalidArray, match=told):
        check_view(PoolView(np.arange(3), **arrays), Need.NOTHING, 1)


def test_forecasts_need_a_sum_of_one_only_where_one_class_is_right():
    several = PoolView(np.arange(3), Task.MULTILABEL, forecasts=2 * THIRDS, **LABELLED)
    assert check_view(several, Need.NOTHING, 1).forecasts.shape == (2, 3)
    half = np.array([[np.nan] * 100, np.random.default_rng(0).dirichlet(np.ones(100))]).astype(np.float16)
    assert check_view(PoolView(np.arange(3), forecasts=half, **LABELLED), Need.NOTHING, 1).forecasts.dtype == np.float32

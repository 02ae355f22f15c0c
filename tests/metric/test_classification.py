import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from poolwise.core.errors import InvalidArray
from poolwise.core.types import Task
from poolwise.metric.classification import calibration_error, headline, held_out, reliability

NAMES = ("a", "b", "c")


def softmax(logits):
    values = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)


def multiclass(seed, n=40):
    rng = np.random.default_rng(seed)
    return softmax(rng.normal(size=(n, 3))), rng.integers(0, 3, n)


def multilabel(seed, n=40):
    rng = np.random.default_rng(seed)
    return rng.random((n, 3)).astype(np.float32), rng.integers(0, 2, (n, 3)).astype(np.int8)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 60))
def test_multiclass_numbers_equal_scikit_learn(seed, n):
    probs, labels = multiclass(seed, n)
    found, said = held_out(probs, labels, Task.MULTICLASS, NAMES).metrics, probs.argmax(axis=1)
    there = np.unique(labels)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(labels, said))
    assert found["balanced_accuracy"] == pytest.approx(
        reference.recall_score(labels, said, labels=there, average="macro", zero_division=0)
    )
    assert found["macro_f1"] == pytest.approx(
        reference.f1_score(labels, said, labels=there, average="macro", zero_division=0)
    )
    assert found["nll"] == pytest.approx(-np.log(probs[np.arange(n), labels]).mean(), rel=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(2, 60))
def test_multilabel_numbers_equal_scikit_learn(seed, n):
    probs, labels = multilabel(seed, n)
    found, said = held_out(probs, labels, Task.MULTILABEL, NAMES).metrics, (probs >= 0.5).astype(int)
    there = np.flatnonzero(labels.any(axis=0))
    if not len(there):
        assert np.isnan(found["macro_f1"])
        return
    f1 = [reference.f1_score(labels[:, at], said[:, at], zero_division=0) for at in there]
    ap = [reference.average_precision_score(labels[:, at], probs[:, at]) for at in there]
    assert found["macro_f1"] == pytest.approx(np.mean(f1))
    assert found["mean_average_precision"] == pytest.approx(np.mean(ap), rel=1e-4)
    assert found["micro_f1"] == pytest.approx(reference.f1_score(labels, said, average="micro", zero_division=0))
    assert found["subset_accuracy"] == pytest.approx(reference.accuracy_score(labels, said))


def test_a_class_without_samples_moves_no_mean():
    probs = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.4, 0.0, 0.6]], dtype=np.float32)
    found = held_out(probs, np.array([0, 1, 1]), Task.MULTICLASS, NAMES)
    assert found.metrics["balanced_accuracy"] == pytest.approx(0.75)  # (1 + 1/2) / 2, class c left out
    assert np.isnan(found.per_class["c"]["recall"])
    assert found.per_class["c"] | {"recall": 0, "f1": 0} == {"precision": 0, "recall": 0, "f1": 0, "support": 0}


def test_rows_of_the_confusion_are_true_classes():
    probs = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    found = held_out(probs, np.array([0, 2, 1]), Task.MULTICLASS, NAMES)
    assert found.confusion.tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_a_certain_mistake_has_a_finite_cost():
    found = held_out(np.array([[1, 0, 0]], dtype=np.float32), np.array([1]), Task.MULTICLASS, NAMES)
    assert 80 < found.metrics["nll"] < 90  # -log of float32's smallest number


def test_headlines_are_among_the_metrics():
    assert headline(Task.MULTICLASS) in held_out(*multiclass(0), Task.MULTICLASS, NAMES).metrics
    assert headline(Task.MULTILABEL) in held_out(*multilabel(0), Task.MULTILABEL, NAMES).metrics


@pytest.mark.parametrize(
    ("probs", "labels", "says"),
    [
        (np.ones((2, 3)) / 3, np.array([0, -1]), "known"),
        (np.ones((2, 2)) / 2, np.array([0, 1]), "(N, 3)"),
        (np.ones((0, 3)), np.array([], dtype=int), "at least 1"),
        (np.full((1, 3), np.nan), np.array([0]), "NaN"),
        (np.ones((2, 3)) / 3, np.array([0, 1, 2]), "shape"),
        (np.ones((1, 3)) / 3, np.array([3]), "0..2"),
    ],
)
def test_bad_arrays_are_named(probs, labels, says):
    with pytest.raises(InvalidArray, match=says.replace("(", r"\(").replace(")", r"\)")):
        held_out(probs, labels, Task.MULTICLASS, NAMES)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 80))
def test_calibration_error_is_the_weighted_gap_of_the_diagram(seed, n):
    probs, labels = multiclass(seed, n)
    diagram = reliability(probs, labels)
    full = diagram.count > 0
    gap = np.abs(diagram.accuracy - diagram.confidence)[full]
    assert diagram.count.sum() == n
    assert calibration_error(probs, labels) == pytest.approx((gap * diagram.count[full]).sum() / n, abs=1e-5)

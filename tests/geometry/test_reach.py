import numpy as np

from poolwise.geometry.neighbours import unit_rows
from poolwise.geometry.reach import PRIOR, WIDTHS, nearest_others, reach
from poolwise.types import Task


def clouds(count, spread, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    return (np.eye(3)[labels] * 3 + spread * rng.standard_normal((count, 3))).astype(np.float32), labels


def losses(points, labels, unit):
    """By a loop over rows and widths."""
    rows, answers = unit_rows(points).astype(np.float64), np.eye(labels.max() + 1)[labels]
    found = []
    for width in WIDTHS * unit:
        lost = 0.0
        for at in range(len(rows)):
            kernels = np.exp(-((rows - rows[at]) ** 2).sum(axis=1) / width**2)
            kernels[at] = 0
            said = (kernels @ answers + PRIOR * answers.mean(axis=0)) / (kernels.sum() + PRIOR)
            lost -= np.log(said[labels[at]])
        found.append(lost)
    return found


def test_the_width_is_the_best_of_a_loop():
    points, labels = clouds(40, 1.0)
    found = losses(points, labels, 0.3)
    assert np.isclose(reach(points, labels, Task.MULTICLASS, 0.3), WIDTHS[np.argmin(found)] * 0.3)


def test_labels_reach_farther_where_classes_lie_apart():
    apart, mixed = (reach(*clouds(200, spread), Task.MULTICLASS, 0.2) for spread in (0.3, 3.0))
    assert apart != mixed


def test_the_nearest_other_is_no_copy():
    points = np.array([[1.0, 0.0], [1.0, 0.0], [3.0, 3.0]], dtype=np.float32)
    assert nearest_others(points).round(3).tolist() == [0.765, 0.765, 0.765]
    assert nearest_others(points[:2]).size == 0
    assert nearest_others(points[:0]).size == 0


def test_one_label_has_no_reach_of_its_own():
    assert reach(np.ones((1, 2), dtype=np.float32), np.array([0]), Task.MULTICLASS, 0.7) == 0.7
    assert reach(np.ones((3, 2), dtype=np.float32), np.array([0, -1, -1]), Task.MULTICLASS, 0.7) == 0.7


def test_one_of_two_classes_as_a_label_of_its_own_reaches_as_far():
    points, labels = clouds(60, 1.0)
    two = np.minimum(labels, 1)
    both = reach(points, np.stack([two, 1 - two], axis=1).astype(np.int8), Task.MULTILABEL, 0.3)
    assert np.isclose(both, reach(points, two, Task.MULTICLASS, 0.3))

import warnings

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.core.types import PoolView, Task
from poolwise.query.badge import Badge
from poolwise.query.clustered import Clustered, smallest_first
from poolwise.query.core_set import CoreSet
from poolwise.query.k_means import KMeans
from poolwise.query.modal import Modal
from poolwise.query.random import Random
from poolwise.query.strategy import best, in_turn
from poolwise.query.stratified import Stratified
from poolwise.query.top_k import Entropy, LeastConfidence, Margin


def rng(seed=0):
    return np.random.default_rng(seed)


def drawn(rows=80, classes=5):
    return rng(1).dirichlet(np.full(classes, 0.5), size=rows).astype(np.float32)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(LeastConfidence, "uncertainty_sampling"), (Margin, "margin_sampling"), (Entropy, "entropy_sampling")],
)
def test_the_most_uncertain_are_those_of_modal(ours, theirs):
    view = PoolView(np.arange(80), probs=drawn())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = Modal(f"modAL.uncertainty.{theirs}").select(view, 12, rng())
    query = ours().select(view, 12, rng())
    assert set(query.ids.tolist()) == set(adapted.ids.tolist())
    assert (np.diff(query.scores) <= 0).all()


def test_margin_says_between_which_classes():
    view = PoolView(np.array([4]), probs=np.array([[0.1, 0.5, 0.4]]))
    assert Margin().select(view, 1, rng()).reasons["reason"].tolist() == ["margin 0.10 between class 1 and class 2"]


def test_multilabel_margin_says_which_class():
    view = PoolView(np.array([4]), probs=np.array([[0.9, 0.4]]), task=Task.MULTILABEL)
    assert Margin().select(view, 1, rng()).reasons["reason"].tolist() == ["class 1 present with probability 0.40"]


def test_best_breaks_ties_evenly():
    picks = [int(best(np.array([1.0, 2.0, 2.0]), 1, rng(seed))[0]) for seed in range(200)]
    assert 60 < picks.count(1) < 140
    assert picks.count(0) == 0


def test_random_takes_every_sample_equally_often():
    counts = np.zeros(10)
    for seed in range(1000):
        counts[Random().select(PoolView(np.arange(10)), 3, rng(seed)).ids] += 1
    assert abs(counts - 300).max() < 60


def test_stratified_takes_equal_shares_of_predicted_classes():
    probs = np.eye(3)[[0] * 90 + [1] * 8 + [2] * 2]
    query = Stratified().select(PoolView(np.arange(100), probs=probs), 12, rng())
    assert np.bincount(query.reasons["predicted"]).tolist() == [5, 5, 2]


def test_going_in_turn_visits_groups_in_order_and_passes_over_empty_ones():
    groups = np.array([8, 8, 8, 8, 3, 3, 5])
    visited = groups[in_turn(groups, np.array([5, 3, 8]), 7, rng())]
    assert visited.tolist() == [5, 3, 8, 3, 8, 8, 8]


def test_members_of_a_group_are_drawn_at_random():
    firsts = {int(in_turn(np.zeros(5, dtype=np.int64), np.array([0]), 1, rng(seed))[0]) for seed in range(60)}
    assert firsts == set(range(5))


def test_small_groups_come_first():
    groups = np.array([0, 0, 0, 0, 1, 2, 2])
    assert groups[smallest_first(groups, 7, rng())].tolist() == [1, 2, 0, 2, 0, 0, 0]


def test_core_set_takes_the_far_point_first():
    view = PoolView(
        np.array([10, 20, 30]),
        embeddings=np.array([[0.0], [1.0], [5.0]]),
        labelled_ids=np.array([1]),
        labelled_embeddings=np.array([[0.0]]),
    )
    query = CoreSet().select(view, 2, rng())
    assert query.ids.tolist() == [30, 20]
    np.testing.assert_allclose(query.scores, [5, 1], rtol=1e-5)
    assert query.reasons["nearest_labelled"].tolist() == [1, 1]


def test_unit_length_makes_distance_an_angle():
    view = PoolView(
        np.arange(2),
        embeddings=np.array([[100.0, 0.0], [0.0, 1.0]]),
        labelled_ids=np.array([9]),
        labelled_embeddings=np.array([[1.0, 0.0]]),
    )
    assert CoreSet().select(view, 1, rng()).ids.tolist() == [0]
    assert CoreSet(unit_length=True).select(view, 1, rng()).ids.tolist() == [1]


def test_badge_begins_with_the_longest_gradient_and_passes_over_its_copies():
    probs = np.array([[0.5, 0.5]] * 5 + [[0.9, 0.1]])
    view = PoolView(np.arange(6), probs=probs, embeddings=np.array([[2.0, 0.0]] * 5 + [[0.0, 1.0]]))
    for seed in range(20):
        ids = Badge().select(view, 2, rng(seed)).ids.tolist()
        assert ids[0] < 5
        assert ids[1] == 5


def test_badge_takes_at_most_one_of_those_the_model_is_sure_of():
    """They all have no gradient: copies of each other, and of none of the rest."""
    probs = np.array([[1.0, 0.0]] * 50 + [[0.6, 0.4]] * 5)
    view = PoolView(np.arange(55), probs=probs, embeddings=rng().standard_normal((55, 4)))
    for seed in range(20):
        assert (Badge().select(view, 5, rng(seed)).ids < 50).sum() <= 1


def test_k_means_takes_the_middle_of_each_blob_the_largest_first():
    points = np.array([[0.0], [1.0], [2.0], [100.0], [101.0], [102.0], [103.0], [104.0]])
    query = KMeans().select(PoolView(np.arange(8), embeddings=points), 2, rng())
    assert query.ids.tolist() == [5, 1]
    assert query.reasons["cluster_size"].tolist() == [5, 3]
    np.testing.assert_allclose(query.scores, [5 / 8, 3 / 8])


def test_clustered_takes_one_of_each_group_of_uncertain_samples():
    probs = np.array([[0.5, 0.5]] * 40 + [[0.99, 0.01]] * 40)
    points = np.repeat(np.array([[0.0], [50.0], [100.0], [150.0]]), 10, axis=0)
    points = np.concatenate([points, points]) + 0.1 * rng().standard_normal((80, 1))
    query = Clustered().select(PoolView(np.arange(80), probs=probs, embeddings=points), 4, rng())
    assert (query.ids < 40).all()
    assert sorted((query.ids // 10).tolist()) == [0, 1, 2, 3]


def test_clustered_with_one_candidate_a_pick_is_margin_sampling():
    view = PoolView(np.arange(80), probs=drawn(), embeddings=rng().standard_normal((80, 3)))
    ids = Clustered(candidates=1.0).select(view, 15, rng()).ids
    assert set(ids.tolist()) == set(Margin().select(view, 15, rng()).ids.tolist())


@pytest.mark.parametrize(("options", "told"), [({"candidates": 0.5}, "at least 1"), ({"clusters": 0.0}, "above 0")])
def test_clustered_refuses_impossible_options(options, told):
    with pytest.raises(ConfigError, match=told):
        Clustered(**options)

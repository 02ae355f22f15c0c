"""`poolwise.find_label_errors` as people use it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import poolwise
from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.quality.label_error.find import detectors

DATA = Path(os.environ.get("POOLWISE_DATA", "nowhere")) / "label_errors"


def some(count=600, classes=3, wrong=40, seed=0):
    """Labels, of which the first `wrong` are wrong, out-of-sample probabilities, and embeddings."""
    rng = np.random.default_rng(seed)
    true = rng.integers(classes, size=count)
    logits = 3 * np.eye(classes)[true] + rng.standard_normal((count, classes))
    labels = true.copy()
    labels[:wrong] = (true[:wrong] + 1) % classes
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, probs, 4 * np.eye(classes)[true] + rng.standard_normal((count, classes))


def beside(labels, points, wrong=0):
    """What some methods need besides: pairs of duplicates, and margins as a training might leave them."""
    rng, rows = np.random.default_rng(1), np.arange(len(labels))
    return {
        "embeddings": points,
        "groups": (rows + wrong) // 2 % max(1, (len(rows) + 1) // 2),
        "margins": np.where(rows < wrong, -1.0, 3.0) + rng.standard_normal(len(rows)),
    }


@pytest.mark.parametrize("method", [name for name in detectors() if name != "component_disagreement"])
def test_every_method_finds_most_of_the_wrong_ones_first(method):
    labels, probs, points = some()
    margins = beside(labels, points, wrong=40)["margins"]
    found = poolwise.find_label_errors(labels, probs, embeddings=points, margins=margins, method=method)
    assert sorted(found.ranking.tolist()) == list(range(600))
    assert (found.ranking[:40] < 40).mean() > 0.5
    assert (np.diff(found.quality[found.ranking]) >= 0).all()
    assert ((found.quality >= 0) & (found.quality <= 1)).all()
    assert found.method == method


@pytest.mark.parametrize("method", detectors())
def test_the_same_seed_gives_the_same_answer_and_rows_may_come_in_any_order(method):
    labels, probs, points = some(200, wrong=20)
    more = beside(labels, points, wrong=20)
    first, again = (poolwise.find_label_errors(labels, probs, method=method, **more) for _ in range(2))
    assert (first.ranking == again.ranking).all()
    assert first.count == again.count
    if method in ("simifeat", "planted"):
        return  # they draw rows
    order = np.random.default_rng(0).permutation(200)
    moved = {name: array[order] for name, array in more.items()}
    found = poolwise.find_label_errors(labels[order], probs[order], method=method, **moved)
    np.testing.assert_allclose(found.quality, first.quality[order], atol=1e-6)


def test_neighbours_help_and_the_count_is_near():
    labels, probs, points = some()
    alone, both = (poolwise.find_label_errors(labels, probs, embeddings=given) for given in (None, points))
    assert (both.ranking[:40] < 40).sum() >= (alone.ranking[:40] < 40).sum()
    assert both.count_interval[0] <= both.count <= both.count_interval[1]
    assert 20 <= both.count <= 70
    assert set(alone.estimates) == {"planted", "confident_joint", "disagreement"}
    assert set(both.estimates) == {*alone.estimates, "transition"}
    assert both.estimates["planted"].count == both.count
    assert all(0 <= told.low <= told.count <= told.high <= 600 for told in both.estimates.values())


def test_a_budget_ends_the_ranking_and_says_what_to_expect():
    labels, probs, points = some()
    found = poolwise.find_label_errors(labels, probs, embeddings=points, budget=25)
    assert len(found.ranking) == 25
    assert found.expected[24] <= 25
    assert found.review(25).startswith("review these 25; about ")


def test_the_suggestion_is_what_the_evidence_speaks_for():
    labels, probs, points = some()
    found = poolwise.find_label_errors(labels, probs, embeddings=points)
    true = np.where(np.arange(600) < 40, (labels - 1) % 3, labels)
    assert (found.suggested == true).mean() > 0.95
    assert ((found.probability > 1 / 3) & (found.probability <= 1)).all()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"labels": [0, 1, 3]}, "at most 2"),
        ({"labels": [0, -1, 1]}, "rows 1 are -1"),
        ({"labels": [0, 1]}, "got 2 and 3"),
        ({"probs": np.full((3, 3), 0.5)}, "sum to 1"),
        ({"probs": np.array([[np.nan, 0.5, 0.5]] * 3)}, "finite"),
        ({"embeddings": np.ones((2, 4))}, "embeddings must have a row for each of 3"),
        ({"groups": [0.5, 1, 2]}, "groups must be"),
        ({"method": "neighbour_vote"}, "needs embeddings"),
    ],
)
def test_arrays_that_do_not_fit_are_told(arguments, told):
    given = {"labels": [0, 1, 2], "probs": np.eye(3), **arguments}
    with pytest.raises(InvalidArray, match=told):
        poolwise.find_label_errors(given.pop("labels"), given.pop("probs"), **given)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"method": "odd"}, "did you mean 'odds'"),
        ({"budget": 0}, "budget is how many"),
        ({"weight": 2.0}, r"auto\.weight is 2\.0; it must be at least 0 and at most 1"),
        ({"wieght": 0.5}, "did you mean 'weight'"),
    ],
)
def test_options_that_cannot_be_are_told(options, told):
    with pytest.raises(ConfigError, match=told):
        poolwise.find_label_errors([0, 1, 2], np.eye(3), **options)


def test_probabilities_of_the_training_set_are_suspected():
    labels = np.arange(400) % 4
    with pytest.warns(UserWarning, match="own training set"):
        found = poolwise.find_label_errors(labels, 0.9 * np.eye(4)[labels] + 0.025)
    assert found.count == 0


@pytest.mark.parametrize("method", detectors())
@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_small_and_plain_cases_have_an_answer(method, classes, count):
    labels, probs = np.zeros(count, dtype=int), np.tile(np.eye(classes)[:1], (count, 1))
    found = poolwise.find_label_errors(labels, probs, method=method, **beside(labels, np.ones((count, 2))))
    assert len(found.ranking) == count
    assert np.isfinite(found.quality).all()
    assert found.count == 0


@pytest.mark.skipif(not DATA.is_dir(), reason="checked test-set errors are not here: set POOLWISE_DATA")
@pytest.mark.parametrize(
    ("name", "expected"), [("mnist", {100: 15}), ("cifar10", {25: 9, 50: 14, 100: 24, 200: 42, 300: 54})]
)
def test_checked_errors_of_published_test_sets_come_early(name, expected):
    stored = np.load(DATA / f"{name}_test_pyx_and_labels.npz")
    checked = json.loads((DATA / f"{name}_mturk.json").read_text())
    wrong = {int(entry["id"]) for entry in checked if entry["mturk"]["given"] < 3}
    labels = stored["original_label"].astype(int)
    found = poolwise.find_label_errors(labels, stored["pred_probs"], method="tempered_odds")
    for size, least in expected.items():
        assert len(wrong & set(found.ranking[:size].tolist())) >= least
    right = {int(entry["id"]) for entry in checked} - wrong
    pairs = [found.quality[bad] < found.quality[good] for bad in wrong for good in right]
    assert np.mean(pairs) > 0.59


def test_labels_that_are_all_of_one_class_are_ranked_by_the_model_alone():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), size=50)
    found = poolwise.find_label_errors(np.zeros(50, dtype=int), probs)
    assert np.isfinite(found.quality).all()
    assert probs[found.ranking[0], 0] < probs[found.ranking[-1], 0]
    assert 0 <= found.count_interval[0] <= found.count <= found.count_interval[1] <= 50

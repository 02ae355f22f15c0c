import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import poolwise
from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.metric import coverage
from poolwise.metric.coverage import curation_report


def rng(seed=0):
    return np.random.default_rng(seed)


def blobs(each=20, count=5, width=4):
    centres = 20 * np.eye(count, width) + 5
    return (np.repeat(centres, each, axis=0) + rng().normal(size=(each * count, width))).astype(np.float32)


def values(report):
    return {name: measure.value for name, measure in report.measures.items()}


def test_one_of_each_blob_reaches_all_clusters_and_one_blob_alone_reaches_one():
    points = blobs(count=2)
    spread, narrow = (values(curation_report(points, np.array(rows), clusters=2)) for rows in ([0, 20], [0, 1]))
    assert spread["clusters_reached"] == 1
    assert narrow["clusters_reached"] == 0.5
    assert narrow["mean_distance"] > 2 * spread["mean_distance"]


def test_the_cluster_of_each_pick_is_told_in_the_order_of_the_batch():
    report = curation_report(blobs(count=2), np.array([0, 20, 1, 21]), clusters=2)
    first, second, third, fourth = report.clusters.tolist()
    assert first == third != second == fourth


def test_a_batch_of_copies_is_all_near_duplicates_and_worse_than_random():
    points = np.concatenate([rng().normal(size=(190, 8)), np.ones((10, 8))]).astype(np.float32)
    measure = curation_report(points, np.arange(190, 200)).measures["near_duplicates"]
    assert measure.value == 1
    assert measure.percentile == 1
    assert measure.verdict == "worse"
    assert measure.random < 0.5


def test_the_similarity_says_what_a_near_duplicate_is():
    points = np.array([[1, 0], [np.cos(0.3), np.sin(0.3)], [-1, 0], [0, -1]], dtype=np.float32)  # cos 0.3 is 0.955
    found = [values(curation_report(points, np.arange(4), similarity=at))["near_duplicates"] for at in (0.95, 0.96)]
    assert found == [0.5, 0]


def test_all_rows_are_at_distance_zero_and_like_random():
    report = curation_report(1000 + blobs(), np.arange(100))
    assert values(report) == {"clusters_reached": 1, "near_duplicates": pytest.approx(1), "mean_distance": 0}
    assert {measure.verdict for measure in report.measures.values()} == {"like random"}
    assert {measure.percentile for measure in report.measures.values()} == {0.5}


def test_mean_distance_by_hand():
    report = curation_report(np.array([[0.0], [1.0], [5.0]]), np.array([1]))
    assert values(report)["mean_distance"] == pytest.approx((1 + 0 + 4) / 3)


def test_balance_of_predicted_classes_by_hand():
    probs = np.eye(3)[[0, 0, 1, 1, 2, 2]]
    rows = [np.array(rows) for rows in ([0, 2], [0, 1], [0, 1, 2, 4])]
    found = [values(curation_report(np.eye(6), some, probs=probs))["class_balance"] for some in rows]
    assert found == pytest.approx([1, 0, -(0.5 * np.log(0.5) + 0.5 * np.log(0.25)) / np.log(3)])


@settings(max_examples=10, deadline=None)
@given(size=st.integers(1, 60), seed=st.integers(0, 99))
def test_distances_are_those_of_a_naive_loop(size, seed):
    points = rng(seed).normal(3, 1, size=(60, 3)).astype(np.float32)
    rows = rng(seed).permutation(60)[:size]
    naive = np.mean([min(np.linalg.norm(point - points[row]) for row in rows) for point in points])
    assert values(curation_report(points, rows, draws=2))["mean_distance"] == pytest.approx(naive, abs=1e-3)


def test_a_random_batch_lies_inside_its_own_interval_mostly():
    points, probs = blobs(each=60), rng(3).dirichlet(np.ones(4), size=300)
    reports = [curation_report(points, rng(seed).permutation(300)[:20], probs=probs, seed=seed) for seed in range(30)]
    inside = [m.low <= m.value <= m.high for report in reports for m in report.measures.values()]
    assert np.mean(inside) > 0.75


def test_the_same_seed_gives_the_same_report_whatever_the_order_of_the_batch():
    rows = rng().permutation(100)[:15]
    first, again, other = (
        curation_report(blobs(), some, seed=seed) for some, seed in ((rows, 1), (rows[::-1], 1), (rows, 2))
    )
    assert first == again
    assert first != other


def test_a_large_pool_is_measured_by_some_of_its_rows(monkeypatch):
    points, rows = blobs(each=200), np.arange(0, 1000, 50)
    exact = values(curation_report(points, rows))
    monkeypatch.setattr(coverage, "YARDSTICK", 300)
    monkeypatch.setattr(coverage, "CLUSTERED", 300)
    rough = values(curation_report(points, rows))
    assert rough["mean_distance"] == pytest.approx(exact["mean_distance"], rel=0.1)


def test_a_batch_beside_a_sample_of_the_pool_is_not_measured_by_itself():
    """Rows drawn from the whole pool are like random, though the pool is told by a sample that few of them are in."""
    points, found = rng(4).normal(size=(4000, 3)).astype(np.float32), []
    for seed in range(40):
        batch, some = np.split(rng(seed).permutation(4000)[:880], [80])
        report = curation_report(points, batch, pool=some, seed=seed)
        found.append([report.measures[name].percentile for name in ("clusters_reached", "mean_distance")])
    assert report.pool == 800
    np.testing.assert_allclose(np.mean(found, axis=0), 0.5, atol=0.12)


def test_a_batch_far_from_the_sample_moves_none_of_its_clusters():
    points = np.concatenate([blobs(count=2), np.full((10, 4), 500.0)]).astype(np.float32)
    found = curation_report(points, np.arange(40, 50), pool=np.arange(40), clusters=2).measures
    assert found["clusters_reached"].value == 0.5
    assert found["mean_distance"].verdict == "worse"


@pytest.mark.parametrize(
    ("pool", "told"),
    [([0, 3, 4], "4 rows or more"), ([0, 0, 3, 4], "distinct"), ([], "one"), ([1, 3, 4, 5], "1 of them chosen")],
)
def test_a_sample_that_cannot_stand_for_the_pool_is_refused(pool, told):
    with pytest.raises(InvalidArray, match=told):
        curation_report(blobs(), np.array([1, 2]), pool=np.array(pool, dtype=np.int64))


def test_the_door_takes_lists_and_prints_a_table_for_people():
    report = poolwise.curation_report(blobs().tolist(), [0, 20, 40, 60, 80], draws=5, seed=1)
    lines = str(report).splitlines()
    assert lines[0] == "5 of 100 rows, beside 5 random draws"
    assert [line.split("  ")[0] for line in lines[2:]] == [
        "share of clusters reached",
        "picks with a near-copy in the batch",
        "mean distance of the pool to the batch",
    ]
    assert json.dumps({name: asdict(measure) for name, measure in report.measures.items()})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"chosen": [100]}, "from 0 to 99"),
        ({"chosen": []}, "one or more"),
        ({"chosen": [1, 1]}, "more than once"),
        ({"embeddings": np.full((100, 2), np.nan)}, "finite"),
        ({"probs": np.ones((99, 1))}, "one row for each of 100"),
    ],
)
def test_arrays_that_do_not_fit_are_told(arguments, told):
    with pytest.raises(InvalidArray, match=told):
        poolwise.curation_report(**{"embeddings": blobs(), "chosen": [1, 2], **arguments})


@pytest.mark.parametrize("options", [{"draws": 0}, {"clusters": 0}, {"clusters": 101}, {"similarity": 0}])
def test_options_out_of_range_are_told(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        poolwise.curation_report(blobs(), [1, 2], **options)

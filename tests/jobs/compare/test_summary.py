"""Differences, intervals and what is said of them, by hand."""

import math

import pytest

from poolwise.jobs.compare.measured import Trial
from poolwise.jobs.compare.summary import experiments, judged_by, sentences, summary


def trials(**scores):
    """arm -> a score a seed, on both test sets."""
    return [
        Trial(
            arm,
            seed,
            10,
            0,
            0,
            {test: {"accuracy": score, "macro_f1": score, "tested": 5} for test in ("raw", "corrected")},
            {},
        )
        for arm, values in scores.items()
        for seed, score in enumerate(values)
    ]


def row(rows, arm, against="raw", test="corrected"):
    return next(r for r in rows if (r.arm, r.against, r.test, r.metric) == (arm, against, test, "accuracy"))


def test_differences_are_paired_by_seed():
    rows = summary(trials(raw=[0.7, 0.6, 0.5], pruned=[0.8, 0.9, 0.7]))
    found = row(rows, "pruned").gap
    assert found.mean == pytest.approx(0.2)
    assert found.high - found.mean == pytest.approx(0.2484, abs=1e-4)  # 4.3027 * 0.1 / sqrt(3)
    assert row(rows, "raw", "").mean == pytest.approx(0.6)


def test_holm_counts_the_arms_of_one_test_set_and_metric():
    rows = summary(trials(raw=[0.7, 0.6, 0.5], pruned=[0.8, 0.9, 0.7], truth=[0.8, 0.7, 0.4]))
    assert row(rows, "pruned").p == pytest.approx(2 * row(rows, "pruned").gap.p)


def test_it_says_whether_cleaning_helped_beyond_chance_and_by_how_much():
    rows = summary(trials(raw=[0.70, 0.60, 0.50], pruned=[0.75, 0.65, 0.551], random_pruned=[0.6, 0.502, 0.4]))
    told = sentences(rows, "accuracy")
    assert told[0].startswith(
        "Cleaning helped: accuracy on the corrected test set, removing the flagged samples +5.0 points (95 %: "
    )
    assert told[1].startswith("Removing the flagged samples is better than removing as many at random: +15.0 points")
    assert told[2].startswith("Removing as many of each class at random did harm: −9.9 points")


def test_harm_and_chance_are_told_apart():
    assert "did harm" in sentences(summary(trials(raw=[0.7, 0.6, 0.5], pruned=[0.6, 0.5, 0.39])), "accuracy")[0]
    assert "beyond chance" in sentences(summary(trials(raw=[0.7, 0.6, 0.5], pruned=[0.9, 0.5, 0.5])), "accuracy")[0]


def test_two_ways_of_cleaning_are_told_together():
    scores = {"raw": [0.7, 0.6, 0.5], "pruned": [0.71, 0.6, 0.49], "relabelled": [0.75, 0.651, 0.55]}
    told = sentences(summary(trials(**scores)), "accuracy")
    assert told[0].startswith(
        "Cleaning helped: accuracy on the corrected test set, removing the flagged samples 0.0 points"
    )
    assert ") within chance, giving them the suggested labels +5.0 points" in told[0]
    both = sentences(summary(trials(**{**scores, "pruned": [0.6, 0.5, 0.401]})), "accuracy")
    assert "helped in one way and did harm in another" in both[0]
    alone = sentences(summary(trials(raw=scores["raw"], relabelled=scores["relabelled"])), "accuracy")
    assert "giving the flagged samples the suggested labels" in alone[0]


def test_one_seed_says_nothing_about_chance():
    rows = summary(trials(raw=[0.7], pruned=[0.9], random_pruned=[0.8]))
    assert "one seed alone" in sentences(rows, "accuracy")[0]
    assert math.isnan(row(rows, "pruned").p)


def test_the_answer_goes_by_the_corrected_test_set_and_never_by_the_cleaned_one():
    both = trials(raw=[0.7, 0.6], pruned=[0.8, 0.9])
    assert judged_by(summary(both)) == "corrected"
    alone = [Trial(t.arm, t.seed, 10, 0, 0, {"raw": t.tests["raw"], "cleaned": t.tests["raw"]}, {}) for t in both]
    assert judged_by(summary(alone)) == "raw"


def test_the_four_experiments_of_the_post():
    made = [
        Trial(arm, seed, 9, 0, 0, {test: {"accuracy": 0.0, "macro_f1": score + seed / 100, "tested": 5}}, {})
        for seed in (0, 1)
        for arm, test, score in (
            ("raw", "raw", 0.6),
            ("raw", "cleaned", 0.7),
            ("pruned", "raw", 0.5),
            ("pruned", "cleaned", 0.9),
        )
    ]
    found = experiments(made, "macro_f1")
    assert [(letter, arm, test) for letter, arm, test, *_ in found] == [
        ("A", "raw", "raw"), ("B", "pruned", "cleaned"), ("C", "pruned", "raw"), ("D", "raw", "cleaned"),
    ]  # fmt: skip
    assert [each[3] for each in found] == pytest.approx([0.605, 0.905, 0.505, 0.705])
    assert found[2][4].mean == pytest.approx(-0.1)

"""From points to sentences, and the naive answers beside them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from builders import Blobs
from poolwise.core.types import LabelledSet
from poolwise.jobs.samplesize import answers
from poolwise.jobs.samplesize.caveats import caveats
from poolwise.jobs.samplesize.cells import Splits, cells
from poolwise.jobs.samplesize.measured import Point
from poolwise.jobs.samplesize.settings import SampleSizeConfig
from poolwise.metric.curve.posterior import Prior

SETTINGS = SampleSizeConfig(target=0.98)


@pytest.fixture
def fit(measured_points):
    return answers.fitted(measured_points(), "accuracy", Prior(), SETTINGS)


def test_the_answer_names_the_target_the_images_and_the_chances(fit):
    first, second = answers.sentences(fit, SETTINGS, "accuracy")
    assert first.startswith("98 % accuracy needs about ")
    assert "images (10 % to" in first
    assert second.startswith("Label about ")


def test_a_target_that_is_there_needs_nothing_more(fit):
    first, second = answers.sentences(fit, replace(SETTINGS, target=0.9), "accuracy")
    assert "is reached with the 1,600 images measured" in first
    assert second == "Nothing to buy: the target is reached already."


def test_a_target_above_the_ceiling_is_unlikely_at_any_size():
    points = [Point(n, r, {"accuracy": 0.8 - n**-0.8 + 1e-4 * r}) for n in (50, 100, 200, 400, 800) for r in range(2)]
    fit = answers.fitted(points, "accuracy", Prior(), SETTINGS)
    first, second = answers.sentences(fit, SETTINGS, "accuracy")
    assert "unlikely at any size" in first
    assert "%" in first
    assert second.startswith("Nothing to buy for this target")


@pytest.mark.parametrize(("sizes", "words"), [((400,), "One size cannot"), ((100, 400), "Two sizes cannot")])
def test_one_or_two_sizes_are_not_extrapolated_but_told(measured_points, sizes, words):
    fit = answers.fitted(measured_points(sizes), "accuracy", Prior(), SETTINGS)
    first, second = answers.sentences(fit, SETTINGS, "accuracy")
    assert first.startswith(words)
    assert "98.0 %" in first
    assert "With 400 images accuracy is 95." in second
    assert answers.required_of({"accuracy": fit}, 0.98) == {}
    assert answers.purchase_of(fit, SETTINGS) is None


def test_naive_answers(measured_points):
    fit = answers.fitted(measured_points(scatter=1e-5), "accuracy", Prior(), SETTINGS)
    found = answers.naive(fit, 0.98)
    assert found[answers.LAST] == math.inf
    assert found[answers.POWER] == pytest.approx(2500, rel=0.02)
    assert answers.naive(fit, 0.9)[answers.LAST] == 1600


def test_forecasts_rise_and_stay_inside(fit):
    rows = answers.forecasts(fit, answers.table_sizes(fit), 0.98)
    assert [row.size for row in rows] == [1600, 3200, 6400, 12800]
    assert all(row.low <= row.mean <= row.high <= 1 for row in rows)
    assert (np.diff([row.chance for row in rows]) >= 0).all()
    assert {row.last for row in rows} == {rows[0].last}


def test_errors_where_lower_is_better():
    settings = replace(SETTINGS, points="loss.csv", higher_is_better=False, target=0.02)
    points = [Point(n, r, {"error": n**-0.5 + 1e-4 * r}) for n in (50, 100, 200, 400, 800) for r in range(2)]
    fit = answers.fitted(points, "error", Prior(), settings)
    assert answers.sentences(fit, settings, "error")[0].startswith("2 % error needs about")
    assert answers.naive(fit, 0.02)[answers.POWER] > 800


def test_classes_are_fitted_against_their_own_counts():
    def at(size, repeat):
        counts = {"many": size, "few": size // 10 + repeat, "none": 0, "untested": 5}
        return Point(size, repeat, {}, counts, {"many": 1 - size**-0.5, "few": 1 - (size / 10) ** -0.5, "none": 0.0})

    found = answers.by_class([at(size, repeat) for size in (100, 200, 400, 800) for repeat in range(2)], Prior())
    assert list(found) == ["many", "few"]
    assert found["few"].sizes.tolist() == [10.5, 20.5, 40.5, 80.5]


def test_caveats_say_what_repeats_share():
    train, test = (LabelledSet(np.arange(n), np.arange(n) % 2) for n in (1000, 50))
    common = Splits(Blobs(classes=2).manifest, train, test, 2, 1)
    points = [Point(size, 0, {"accuracy": 0.9}) for size in (50, 100, 1000)]
    fit = answers.fitted(points, "accuracy", Prior(), SETTINGS)

    def told(**changes):
        settings = replace(SETTINGS, shares=(0.05, 0.1, 1.0), **changes)
        return " ".join(caveats(settings, common, cells(settings, 1000, 2), fit, "Held constant: 3 steps."))

    assert "in common at 1,000" in told()
    assert "every repeat learns all labels" in told()
    assert "nested" in told(subsets="nested")
    assert "share samples" in told(subsets="independent")
    assert "about 4.2 points" in told()
    assert "Class a has 25 test labels: its recall moves in steps of 4.0 points" in told()
    assert "2 samples in one group" in told()
    assert "Held constant" in told()

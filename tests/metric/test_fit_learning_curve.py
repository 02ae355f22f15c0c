"""`poolwise.fit_learning_curve`, as people call it."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import poolwise
from poolwise.core.errors import ConfigError, InvalidArray

SIZES = [100, 200, 400, 700, 1000]
SCORES = [[0.62, 0.66, 0.64], [0.73, 0.75], [0.80, 0.81, 0.79], [0.84, 0.83], [0.858, 0.862, 0.855]]
CURVES = Path(os.environ.get("POOLWISE_DATA", "nowhere")) / "learning_curves/lcdb11_calibration.csv"
SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_ragged_rows_arrays_and_single_numbers_are_taken():
    assert poolwise.fit_learning_curve(SIZES, SCORES).predict(2000).mean > 0.86
    means = np.array([np.mean(row) for row in SCORES])
    one, column = (poolwise.fit_learning_curve(np.array(SIZES), scores) for scores in (means, means[:, None]))
    assert one.predict(2000) == column.predict(2000)
    assert one.predict(2000).mean == pytest.approx(
        poolwise.fit_learning_curve(SIZES, SCORES).predict(2000).mean, abs=0.01
    )


def test_missing_repeats_change_nothing_but_the_warning():
    gaps = [[*row, np.nan] for row in SCORES]
    fit = poolwise.fit_learning_curve(SIZES, gaps)
    assert fit.predict(3000) == poolwise.fit_learning_curve(SIZES, SCORES).predict(3000)
    assert "5 missing repeats" in fit.warnings[0]


def test_required_is_three_rising_sizes():
    low, middle, high = poolwise.fit_learning_curve(SIZES, SCORES).required(0.88)
    assert 1000 < low < middle < high


def test_errors_need_no_best():
    errors = [[1 - score for score in row] for row in SCORES]
    fit = poolwise.fit_learning_curve(SIZES, errors, higher_is_better=False)
    plain = poolwise.fit_learning_curve(SIZES, SCORES)
    assert fit.predict(3000).mean == pytest.approx(1 - plain.predict(3000).mean)
    assert fit.required(0.12) == pytest.approx(plain.required(0.88), rel=1e-6)
    assert "12 % error needs about" in fit.answer(0.12)


def test_the_answer_is_a_sentence():
    text = poolwise.fit_learning_curve(SIZES, SCORES).answer(0.9, unit="pictures")
    assert text.startswith("90 % accuracy needs about ")
    assert "pictures" in text


def test_the_answer_may_be_that_there_is_none():
    n = np.array([400, 800, 1600, 2800, 4000])
    plateau = 0.8 - 40 * n[:, None] ** -1.5 + 0.002 * np.random.default_rng(0).standard_normal((5, 5))
    fit = poolwise.fit_learning_curve(n, plateau)
    assert "95 % accuracy is unlikely at any size" in fit.answer(0.95)
    assert fit.reachable(0.95) < 0.1


def test_families_by_name_and_options():
    pow3 = poolwise.fit_learning_curve(SIZES, SCORES, family="pow3")
    assert set(pow3.shares()) == {"Pow3"}
    assert set(poolwise.fit_learning_curve(SIZES, SCORES, family="M4").shares()) == {"M4"}
    three = poolwise.fit_learning_curve(SIZES, SCORES, members=["pow3", "mmf4", "ilog2"])
    assert set(three.shares()) <= {"Pow3", "Mmf4", "Ilog2"}
    wide = poolwise.fit_learning_curve(SIZES, SCORES, drift=0.3)
    assert wide.predict(8000).high > poolwise.fit_learning_curve(SIZES, SCORES).predict(8000).high


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'pow3'"):
        poolwise.fit_learning_curve(SIZES, SCORES, family="pow33")
    with pytest.raises(ConfigError, match="drift"):
        poolwise.fit_learning_curve(SIZES, SCORES, drifts=0.3)
    with pytest.raises(ConfigError, match=r"auto\.members must be names, such as \['pow3', 'mmf4'\]"):
        poolwise.fit_learning_curve(SIZES, SCORES, members="pow3")


def test_bad_scores_are_refused():
    with pytest.raises(InvalidArray, match="best=100"):
        poolwise.fit_learning_curve([10, 20, 40], [50, 60, 70])
    with pytest.raises(InvalidArray, match="row of scores"):
        poolwise.fit_learning_curve([10, 20, 40], [0.5, 0.6])
    with pytest.raises(ConfigError, match="level"):
        poolwise.fit_learning_curve(SIZES, SCORES).predict(2000, level=80)
    with pytest.raises(InvalidArray, match="above 0"):
        poolwise.fit_learning_curve(SIZES, SCORES).predict(0)


def test_a_fit_and_a_forecast_take_little_time():
    poolwise.fit_learning_curve(SIZES, SCORES).predict(2000)
    start = time.process_time()
    for _ in range(5):
        poolwise.fit_learning_curve(SIZES, SCORES).predict([2000, 4000, 8000])
    assert (time.process_time() - start) / 5 < 0.05


@pytest.mark.shared_data
@pytest.mark.skipif(not CURVES.is_file(), reason="measured learning curves are not here: set POOLWISE_DATA")
def test_measured_curves_are_continued_within_the_bars(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    bench = __import__("bench_curve")
    found = list(bench.tasks(CURVES, 5))
    found = [found[at] for at in np.random.default_rng(0).permutation(len(found))[:600]]
    table, _ = bench.measured(found, bench.by_family("auto"), 1, 5)
    miss, held = 100 * np.nanmean(np.abs(table[:, :3, 0]), 0), np.nanmean(table[:, :3, 1], 0)
    last = 100 * np.nanmean(np.abs(bench.measured(found, bench.last_point, 1, 5)[0][:, :3, 0]), 0)
    assert (miss <= list(bench.BARS.values())).all()
    assert (miss < last).all()
    assert ((held >= 0.72) & (held <= 0.88)).all()
    sys.modules.pop("bench_curve")

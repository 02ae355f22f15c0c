"""What a fit promises: by property, over scales, orders and odd input."""

import numpy as np
import pytest
from hypothesis import given as cases
from hypothesis import settings
from hypothesis import strategies as st

from metric.curve.curves import SIZES, fitted, power_law, repeats
from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.metric.curve.families import Last1
from poolwise.metric.curve.fit import fit_curve
from poolwise.metric.curve.measurements import measurements, scale_of
from poolwise.metric.curve.posterior import Prior

FAR = np.array([2000.0, 4000.0, 8000.0, 64000.0])


def test_a_power_law_is_continued_and_the_interval_holds_it():
    fit = fitted(SIZES, repeats(power_law(SIZES), 0.02))
    mean, low, high = fit.predict(FAR[:3])
    truth = 1 - power_law(FAR[:3])
    assert ((low <= truth) & (truth <= high)).all()
    assert np.abs(mean - truth).max() < 0.02
    assert fit.warnings == ()


def test_one_size_gives_numbers_and_several_give_arrays():
    fit = fitted(SIZES, repeats(power_law(SIZES), 0.02))
    assert all(isinstance(part, float) for part in fit.predict(5000))
    assert fit.predict([[5000, 6000]]).mean.shape == (1, 2)
    assert fit.predict([]).low.shape == (0,)


errors = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=4), min_size=3, max_size=6)


@cases(errors, st.floats(0.05, 0.95))
@settings(max_examples=25, deadline=None)
def test_never_outside_the_range_and_never_falling(rows, level):
    fit = fitted_rows(rows)
    n = np.geomspace(50, 1e7, 15)
    mean, low, high = fit.predict(n, level)
    assert (low >= 0).all()
    assert (low <= high + 1e-12).all()
    assert (high <= 1).all()
    assert (np.diff(mean) >= -1e-9).all()


def fitted_rows(rows):
    measured = measurements(100 * 2.0 ** np.arange(len(rows)), [1 - np.array(row) for row in rows])
    return fit_curve(measured, scale_of(np.concatenate(measured.rows), higher=True, best=1.0), Prior())


@cases(errors, st.floats(0.01, 0.99))
@settings(max_examples=15, deadline=None)
def test_sizes_rise_with_the_probability_and_chances_with_the_size(rows, target):
    fit = fitted_rows(rows)
    low, middle, high = fit.required(target)
    assert 100 <= low <= middle <= high
    chances = fit.chance(np.geomspace(100, 64e3, 20), target)
    assert (np.diff(chances) >= 0).all()
    assert 0 <= fit.reachable(target) <= 1
    assert fit.answer(target).endswith(".")


@cases(errors, st.floats(0.55, 0.95))
@settings(max_examples=15, deadline=None)
def test_the_end_of_an_interval_has_the_chance_that_it_leaves(rows, level):
    fit = fitted_rows(rows)
    if fit.posterior.rises:
        high = fit.predict(3000, level).high
        if 0 < high < 1:
            assert fit.chance(3000, high) == pytest.approx((1 - level) / 2, abs=0.02)


def test_a_wider_level_gives_a_wider_interval():
    fit = fitted(SIZES, repeats(power_law(SIZES), 0.02))
    assert fit.predict(4000, 0.95).low < fit.predict(4000, 0.8).low < fit.predict(4000, 0.5).low


def test_more_distance_gives_a_wider_interval():
    _, low, high = fitted(SIZES, repeats(power_law(SIZES), 0.02)).predict(FAR)
    assert (np.diff(high - low) > 0).all()


def test_three_sizes_answer_wider_than_five():
    errors = repeats(power_law(SIZES), 0.02)
    three, five = fitted(SIZES[[0, 2, 4]], errors[[0, 2, 4]]), fitted(SIZES, errors)
    assert any(text.startswith("3 sizes:") for text in three.warnings)
    assert width(three) > width(five)


def width(fit, n=4000):
    return fit.predict(n).high - fit.predict(n).low


@pytest.mark.parametrize("many", [1, 2])
def test_one_or_two_sizes_tell_what_was_measured_and_nothing_else(many):
    fit = fitted(SIZES[-many:], repeats(power_law(SIZES), 0.05)[-many:])
    mean, low, high = fit.predict(1000)
    assert mean == pytest.approx(fit.scores[-1])
    assert low < mean < high
    assert "cannot be told" in fit.warnings[0]
    for refused in (
        lambda: fit.predict(2000),
        lambda: fit.required(0.9),
        lambda: fit.gain(10),
        lambda: fit.answer(0.9),
    ):
        with pytest.raises(InvalidArray, match="Measure 3 or more"):
            refused()


def test_a_target_is_told_to_be_out_of_reach_on_a_plateau():
    fit = fitted(SIZES * 4, repeats(0.2 + 40 * (SIZES * 4) ** -1.5, 0.005))
    assert fit.reachable(0.95) < 0.1
    assert fit.required(0.95) == (np.inf, np.inf, np.inf)
    assert "unlikely at any size" in fit.answer(0.95)
    assert fit.next_purchase(0.95).more == 0


def test_the_last_point_repeated_reaches_what_is_there_and_nothing_else():
    fit = fitted(SIZES, repeats(power_law(SIZES), 0.02), prior=Prior(members={"last1": Last1()}))
    assert fit.required(0.9) == (np.inf, np.inf, np.inf)
    assert fit.reachable(0.9) < 0.01
    assert fit.reachable(fit.scores[-1]) == pytest.approx(0.5, abs=0.01)
    assert fit.next_purchase(0.9).more == 0


def test_a_target_on_a_power_law_has_a_finite_answer():
    fit = fitted(SIZES, repeats(power_law(SIZES, 0.0, 3.0), 0.02))
    low, middle, high = fit.required(1 - power_law(3000, 0.0, 3.0))
    assert low < 3000 < high < np.inf
    assert 0.6 < middle / 3000 < 1.6


def test_a_target_reached_already_needs_no_more():
    fit = fitted(SIZES, repeats(power_law(SIZES), 0.02))
    assert fit.required(0.5).p90 == SIZES[0]
    assert "is reached with" in fit.answer(0.5)


def test_the_next_purchase_is_no_more_than_four_times_what_is_there():
    fit = fitted(SIZES, repeats(power_law(SIZES), 0.02))
    near, far = fit.next_purchase(0.9), fit.next_purchase(0.94)
    assert 0 < near.more < far.more <= 3000
    assert near.for_half < near.for_most
    assert near.for_sharpness > 0
    assert "then fit again: the chance to reach the target is 25 %" in near.reason
    with pytest.raises(ConfigError):
        fit.next_purchase(0.9, most=1)


def test_a_purchase_far_from_the_target_says_what_it_is_for():
    fit = fitted(SIZES, repeats(power_law(SIZES, 0.0), 0.02))
    far = fit.next_purchase(0.99)
    assert far.more == 3000
    assert far.reason.startswith("Label about 3,000 more to see where the curve goes (")
    assert " would halve the doubt), then fit again: the chance to reach the target with them is " in far.reason


def test_the_next_batch_brings_the_difference_of_forecasts():
    fit = fitted(SIZES, repeats(power_law(SIZES), 0.02))
    mean, low, high = fit.gain(1000)
    assert mean == pytest.approx(fit.predict(2000).mean - fit.predict(1000).mean, abs=1e-9)
    assert 0 <= low < mean < high
    assert fit.gain(0).mean == pytest.approx(0)


def test_errors_and_accuracies_say_the_same():
    errors = repeats(power_law(SIZES), 0.03)
    measured = measurements(SIZES, list(errors))
    lower = fit_curve(measured, scale_of(errors.ravel(), higher=False, best=1.0), Prior()).predict(FAR)
    higher = fitted(SIZES, errors).predict(FAR)
    assert lower.mean == pytest.approx(1 - higher.mean)
    assert lower.low == pytest.approx(1 - higher.high)


def test_the_unit_of_the_score_and_of_the_size_do_not_matter():
    scores = 100 * (1 - repeats(power_law(SIZES), 0.03))
    measured = measurements(SIZES / 1000, list(scores))
    percent = fit_curve(measured, scale_of(scores.ravel(), higher=True, best=100.0), Prior())
    plain = fitted(SIZES, repeats(power_law(SIZES), 0.03))
    assert percent.predict(FAR / 1000).mean == pytest.approx(100 * plain.predict(FAR).mean, rel=1e-6)
    assert percent.required(92).p50 == pytest.approx(plain.required(0.92).p50 / 1000, rel=1e-4)


def test_the_order_of_rows_and_of_repeats_does_not_matter():
    errors = repeats(power_law(SIZES), 0.03)
    order = np.array([3, 0, 4, 1, 2])
    one, other = fitted(SIZES, errors), fitted(SIZES[order], errors[order][:, ::-1])
    assert one.predict(5000) == other.predict(5000)
    assert one.required(0.9) == other.required(0.9)

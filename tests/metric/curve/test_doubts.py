"""What is doubtful is told in words."""

import numpy as np
import pytest

from metric.curve.curves import SIZES, fitted, power_law, repeats
from poolwise.core.errors import InvalidArray
from poolwise.metric.curve.families import Last1
from poolwise.metric.curve.measurements import measurements, scale_of
from poolwise.metric.curve.posterior import Prior


def told(errors, word, sizes=SIZES, **given_too):
    return [text for text in fitted(sizes, errors, **given_too).warnings if word in text]


def test_scores_below_chance():
    errors = repeats(np.array([0.72, 0.7, 0.45, 0.4, 0.35]), 0.01)
    assert told(errors, "worse than guessing at 100, 200 labels", chance=0.5)
    assert not told(errors, "guessing")


def test_scores_that_cannot_be_told_from_chance():
    assert told(repeats(np.array([0.9, 0.7, 0.6, 0.5, 0.4]), 0.02), "cannot be told from guessing", chance=0.1)


def test_a_score_that_falls_with_more_labels():
    assert told(repeats(np.array([0.3, 0.2, 0.15, 0.2, 0.25]), 0.02), "worse at 1000 labels than at 400")


def test_without_repeats_the_points_tell_how_far_they_scatter():
    falling = np.array([0.3, 0.2, 0.15, 0.14, 0.2])
    assert told(falling[:, None], "worse at 1000 labels than at 700, by more than the points scatter")
    assert told(repeats(falling, 0.001), "by more than repeats explain")


def test_without_repeats_a_flattening_curve_seldom_seems_to_fall():
    rng = np.random.default_rng(0)
    smooth = 0.12 + 0.1 * (SIZES / 100) ** -1.2
    drawn = [fitted(SIZES, (smooth + rng.normal(0, 0.008, 5))[:, None]) for _ in range(40)]
    assert sum("worse at" in " ".join(fit.warnings) for fit in drawn) <= 2


def test_a_curve_that_is_flat():
    assert told(repeats(np.full(5, 0.3), 0.05), "does not rise")


def test_a_break():
    errors = power_law(SIZES)
    errors[-1] *= 0.5
    assert told(repeats(errors, 0.02), "a break")
    assert not told(repeats(power_law(SIZES), 0.02), "a break")


def test_a_falling_score_is_not_expected_to_recover():
    fit = fitted(SIZES[:4], repeats(np.array([0.1, 0.2, 0.3, 0.4]), 0.01))
    assert fit.predict(2800).mean < 0.72
    assert fit.predict(2800).low < 0.6


def test_a_falling_score_is_no_reason_to_buy():
    fit = fitted(SIZES, repeats(np.array([0.1, 0.15, 0.2, 0.25, 0.3]), 0.01))
    assert fit.reachable(0.95) < 0.01
    assert fit.chance(64_000, 0.95) == pytest.approx(fit.reachable(0.95), abs=1e-6)
    assert "95 % accuracy is not in sight: on this curve more labels do not better the score" in fit.answer(0.95)
    assert fit.next_purchase(0.95).more == 0
    assert fit.next_purchase(0.95).reason.startswith("None")


def test_a_poor_family_is_no_break():
    errors = repeats(power_law(SIZES, 0.0, 5.0), 0.01)
    assert fitted(SIZES, errors, prior=Prior(members={"last1": Last1()})).warnings == ()


def test_intervals_of_curves_that_break_are_wider():
    assert fitted(SIZES, repeats(np.array([0.3, 0.2, 0.15, 0.2, 0.25]), 0.02)).prior.drift == 2 * Prior().drift
    assert fitted(SIZES, repeats(power_law(SIZES), 0.02)).prior == Prior()


def test_one_repeat_and_equal_repeats():
    assert told(power_law(SIZES)[:, None], "One repeat a size")
    assert told(repeats(power_law(SIZES)), "All repeats are equal")


def test_sizes_that_lie_close_together():
    sizes = np.array([100.0, 120, 150, 180, 200])
    assert told(repeats(power_law(sizes), 0.01), "The sizes span 2 times", sizes)


def test_perfect_scores_have_an_answer():
    fit = fitted(SIZES, np.zeros((5, 3)))
    assert fit.predict(5000).mean == pytest.approx(1)
    assert any("perfect" in text for text in fit.warnings)


def test_missing_repeats_and_missing_sizes_are_told():
    found = measurements([10, 20, 40], [[0.5, np.nan], [None], [0.7]])
    assert found.sizes.tolist() == [10, 40]
    assert found.notes == (
        "2 missing repeats (NaN) are left out.",
        "Nothing was measured at size 20; left out.",
    )


def test_rows_of_one_size_are_joined():
    found = measurements([20, 10, 20], [[0.7], [0.5], 0.6])
    assert [row.tolist() for row in found.rows] == [[0.5], [0.6, 0.7]]


@pytest.mark.parametrize(
    ("sizes", "scores", "message"),
    [
        ([1, 2], [0.5], "a row of scores is wanted"),
        ([0, 2], [0.5, 0.6], "above 0; got 0.0"),
        ([1, np.nan], [0.5, 0.6], "above 0; got nan"),
        ([1, 2], [0.5, np.inf], "finite numbers"),
        ([1, 2], ["a", 0.5], "must be numbers"),
        ([1, 2], [np.nan, [np.nan]], "every repeat is missing"),
        ([[1, 2]], [0.5, 0.6], "a row of scores is wanted"),
        ([], [], "every repeat is missing"),
    ],
)
def test_what_is_no_measurement_is_refused(sizes, scores, message):
    with pytest.raises(InvalidArray, match=message):
        measurements(sizes, scores)


def test_percent_without_saying_so_is_refused_with_the_way_out():
    with pytest.raises(InvalidArray, match=r"not be better than best=1; got 80\.0, 90\.0; for percent say best=100"):
        scale_of(np.array([80.0, 90.0]), higher=True, best=1.0)
    with pytest.raises(InvalidArray, match="finite number"):
        scale_of(np.array([0.5]), higher=True, best=np.inf)


def test_metrics_that_may_be_negative_and_losses_without_a_bound():
    assert scale_of(np.array([-0.1, 0.4]), higher=True, best=1.0).worst == pytest.approx(1.1)
    assert scale_of(np.array([2.3, 0.4]), higher=False, best=0.0).worst == np.inf


def test_a_target_beyond_the_best_score_is_refused():
    fit = fitted(SIZES, repeats(power_law(SIZES), 0.02))
    with pytest.raises(InvalidArray, match="at most best=1; got 95"):
        fit.required(95)
    with pytest.raises(InvalidArray, match=r"worse than the worst score there can be \(0\)"):
        fit.required(-1)

"""Two curves side by side, and one curve a class."""

import numpy as np
import pytest

from metric.curve.curves import SIZES, fitted, power_law, repeats
from poolwise.core.errors import ConfigError
from poolwise.metric.curve.classes import binding_class, class_needs
from poolwise.metric.curve.cleaned import CurveDifference
from poolwise.metric.curve.measurements import Scale


def pair():
    """Raw labels need twice as many for the same error."""
    raw, clean = power_law(SIZES, 0.05, 4.0), power_law(2 * SIZES, 0.05, 4.0)
    return CurveDifference(fitted(SIZES, repeats(raw, 0.01)), fitted(SIZES, repeats(clean, 0.01, seed=1)))


def test_a_clean_label_is_worth_two_raw_ones():
    found = pair()
    assert found.worth(500) == pytest.approx(2, rel=0.15)
    assert found.at(500).low > 0
    assert found.at([500, 800]).mean.shape == (2,)
    assert found.probability(500) > 0.99


def test_raw_labels_that_never_get_there_are_worth_nothing():
    raw = fitted(SIZES * 10, repeats(0.3 + 40 * (SIZES * 10) ** -1.5, 0.005))
    clean = fitted(SIZES * 10, repeats(power_law(SIZES * 10, 0.01, 3.0), 0.005))
    assert CurveDifference(raw, clean).worth(10_000) == np.inf


def test_no_difference_is_worth_one():
    raw = fitted(SIZES, repeats(power_law(SIZES), 0.01))
    found = CurveDifference(raw, raw)
    assert found.worth(500) == pytest.approx(1, rel=1e-3)
    assert found.at(500).mean == 0
    assert found.probability(500) == pytest.approx(0.5)


def test_two_metrics_are_not_compared():
    one, other = pair().raw, fitted(SIZES, repeats(power_law(SIZES), 0.01))
    object.__setattr__(other, "scale", Scale(100.0, True, 100.0))
    with pytest.raises(ConfigError, match="one metric"):
        CurveDifference(one, other)


def test_the_class_that_needs_most_times_its_labels_binds():
    easy = fitted(SIZES, repeats(power_law(SIZES, 0.01, 1.0), 0.02))
    hard = fitted(SIZES / 10, repeats(power_law(SIZES, 0.02, 4.0), 0.02))
    needs = class_needs({"cat": easy, "lynx": hard}, 0.92)
    assert [need.name for need in needs] == ["lynx", "cat"]
    assert needs[1].factor == 1
    assert "Class lynx binds: it needs" in binding_class(needs)
    assert "Every class" in binding_class(needs[1:])
    assert "64 times" in binding_class(class_needs({"lynx": hard}, 0.9999))
    with pytest.raises(ConfigError):
        class_needs({}, 0.9)

"""Every family falls, and a curve of its own without noise is found again exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.core.errors import ConfigError
from poolwise.metric.curve.families import M4, Arctan, Exp3, Ilog2, Last1, Mmf4, Pow2, Pow3, Pow4, Wbl4, solved
from poolwise.metric.curve.family import Axis, grid
from poolwise.metric.curve.least_squares import closest
from poolwise.metric.curve.measurements import observed

MEMBERS = [Last1(), Pow2(), Pow3(), Pow4(), M4(), Mmf4(), Exp3(), Wbl4(), Ilog2(), Arctan()]
SIZES = np.geomspace(100, 1600, 9)
SHAPES = {
    "Last1": (),
    "Pow2": (0.31,),
    "Pow3": (0.57,),
    "Pow4": (0.63, 0.11),
    "M4": (0.2, 0.9, 1.7),
    "Mmf4": (0.2, 0.9),
    "Exp3": (2.3,),
    "Wbl4": (1.9, 0.47),
    "Ilog2": (),
    "Arctan": (4.1, 0.3),
}


def name(family):
    return type(family).__name__


@pytest.mark.parametrize("family", MEMBERS, ids=name)
def test_every_shape_of_the_grid_falls_and_stays_positive(family):
    shapes = grid(family.axes(0.1)).shapes
    f = family.form(np.geomspace(0.1, 64, 40), shapes, 1000.0)
    assert f.shape == (len(shapes), 40)
    assert np.isfinite(f).all()
    assert (f >= 0).all()
    assert (np.diff(f, axis=1) <= 1e-12).all()


@pytest.mark.parametrize("family", MEMBERS, ids=name)
def test_a_curve_without_noise_is_found_again(family):
    shape = np.array([SHAPES[name(family)]])
    form = family.form(SIZES / SIZES[-1], shape, SIZES[-1])[0]
    errors = 0.07 * family.asymptote + 0.4 * form / form[0]
    found = closest(family, observed(SIZES, list(errors[:, None])))
    far = np.array([3200.0, 12800.0])
    truth = family.form(far / SIZES[-1], shape, SIZES[-1])[0] / form[0] * 0.4 + 0.07 * family.asymptote
    assert found.errors(far) == pytest.approx(truth, rel=2e-3)
    assert found.errors(SIZES) == pytest.approx(errors, rel=1e-4)


def test_m4_is_mmf4_where_alpha_is_one():
    u = np.geomspace(0.1, 64, 20)
    m4, mmf4 = M4().form(u, np.array([[0.3, 0.7, 1.0]]), 1.0), Mmf4().form(u, np.array([[0.3, 0.7]]), 1.0)
    assert m4 == pytest.approx(mmf4, rel=1e-9)


@given(st.floats(-15, 4), st.floats(0.25, 4))
@settings(max_examples=100, deadline=None)
def test_newton_solves_m4(log_x, alpha):
    t = solved(np.array([[log_x]]), np.array([[alpha]]))
    assert float(np.log(t)[0, 0] - alpha * np.log1p(-t)[0, 0]) == pytest.approx(log_x, abs=1e-6)


def test_m4_agrees_with_its_own_equation():
    u, (s, c, alpha), a, start = np.array([0.2, 1.0, 5.0]), (0.4, 0.8, 2.0), 0.1, 0.9
    e = a + (start - a) * M4().form(u, np.array([[s, c, alpha]]), 1.0)[0]
    ratio = (e - a) / (start - e) ** alpha * u**c
    assert ratio == pytest.approx(np.full(3, ratio[0]), rel=1e-9)


def test_a_grid_has_a_prior_that_sums_to_one():
    found = grid((Axis(0.1, 10, 7, centre=0.5), Axis(1, 3, 4)))
    assert found.shapes.shape == (28, 2)
    assert np.exp(found.log_prior).sum() == pytest.approx(1)


@pytest.mark.parametrize("bounds", [(0, 1, 5), (2, 1, 5), (1, 2, 1)])
def test_impossible_bounds_are_refused(bounds):
    with pytest.raises(ConfigError, match="low < high"):
        Axis(*bounds)

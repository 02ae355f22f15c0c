"""Every yaml of the group builds a family of learning curves, or an average of them, that keeps its promises."""

import re

import numpy as np
import pytest
from omegaconf import OmegaConf

import poolwise
from poolwise.core.errors import ConfigError
from poolwise.core.parts import build_part, conf_dir
from poolwise.metric.api import families
from poolwise.metric.curve.family import grid
from poolwise.metric.curve.posterior import Prior

FILES = sorted((conf_dir() / "curve").glob("*.yaml"))
SIZES = np.array([100, 200, 400, 700, 1000])
SCORES = 0.95 - 3 * SIZES[:, None] ** -0.5 + 0.005 * np.random.default_rng(0).standard_normal((5, 4))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def part(request):
    return build_part(OmegaConf.load(request.param), where="curve")


@pytest.fixture(params=families())
def fit(request):
    return poolwise.fit_learning_curve(SIZES, SCORES, family=request.param)


def test_its_defaults_are_those_of_the_yaml(part):
    assert type(part)() == part or isinstance(part, Prior)
    if isinstance(part, Prior):
        assert part == Prior()


def test_its_forms_fall_and_are_finite(part):
    for family in part.members.values() if isinstance(part, Prior) else [part]:
        shapes = grid(family.axes(0.1)).shapes
        f = family.form(np.geomspace(0.1, 64, 12), shapes, 1000.0)
        assert f.shape == (len(shapes), 12)
        assert np.isfinite(f).all()
        assert (np.diff(f, axis=1) <= 1e-12).all()


def test_forecasts_rise_and_stay_in_range(fit):
    mean, low, high = fit.predict(np.geomspace(100, 1e6, 20))
    assert (low >= 0).all()
    assert (high <= 1).all()
    assert (low <= mean + 1e-9).all()
    assert (mean <= high + 1e-9).all()
    assert (np.diff(mean) >= -1e-9).all()


def test_forecasts_are_near_what_was_measured(fit):
    assert np.abs(fit.predict(1000).mean - SCORES[-1].mean()) < 0.02


def test_the_same_again(fit, request):
    again = poolwise.fit_learning_curve(SIZES, SCORES, family=request.node.callspec.params["fit"])
    assert again.predict(5000) == fit.predict(5000)


def test_auto_is_the_default():
    auto = poolwise.fit_learning_curve(SIZES, SCORES, family="auto")
    assert poolwise.fit_learning_curve(SIZES, SCORES).predict(5000) == auto.predict(5000)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_key_says_what_it_means(file):
    for line in file.read_text().splitlines()[2:]:
        assert re.match(r" *\w+: .*  ?# .+", line) or line.startswith("  "), line


def test_a_misspelt_key_is_refused():
    with pytest.raises(ConfigError, match="exponents"):
        build_part({"_target_": "poolwise.metric.curve.families.Pow3", "exponent": 3}, where="curve")

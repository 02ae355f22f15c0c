"""The weighing of curves: by hand, by property, and against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from metric.curve.curves import SIZES, power_law, repeats
from poolwise.core.errors import ConfigError
from poolwise.metric.curve.families import Last1, Pow2
from poolwise.metric.curve.measurements import observed
from poolwise.metric.curve.posterior import Prior, _evidence, below, merged, quantiles, weigh


def test_the_amplitude_is_integrated_out_exactly():
    f, errors, sd = np.array([[1.0, 0.6, 0.3]]), np.array([0.5, 0.3, 0.2]), np.array([0.05, 0.04, 0.03])
    evidence, mean, _ = _evidence(f, np.array([0.02]), np.diag(1 / sd), errors)

    def likelihood(b):
        return float(np.prod(np.exp(-0.5 * ((errors - 0.02 - b * f[0]) / sd) ** 2) / sd))

    total = quad(likelihood, 0, 2)[0]
    assert evidence[0, 0] == pytest.approx(np.log(total / np.sqrt(2 * np.pi)))
    assert mean[0, 0] == pytest.approx(quad(lambda b: b * likelihood(b), 0, 2)[0] / total)


def test_the_last_point_alone_is_the_forecast_of_last1():
    seen = observed(SIZES, list(repeats(power_law(SIZES), 0.05)))
    posterior = weigh(seen, Prior(members={"last1": Last1()}))
    assert posterior.mean(np.array([1e4])) == pytest.approx(seen.errors[-1], rel=1e-3)


def test_weights_sum_to_one_and_shares_too():
    posterior = weigh(observed(SIZES, list(repeats(power_law(SIZES), 0.05))), Prior())
    assert posterior.weight.sum() == pytest.approx(1)
    assert sum(posterior.shares().values()) == pytest.approx(1)
    assert set(posterior.shares()) == {"Pow3", "Mmf4"}


def test_a_family_that_fits_takes_the_weight_from_one_that_does_not():
    bent = 0.2 + 0.5 * np.exp(-SIZES / 100)
    prior = Prior(members={"last1": Pow2(), "pow3": Prior().members["pow3"]})
    shares = weigh(observed(SIZES, list(repeats(bent, 0.01))), prior).shares()
    assert shares["Pow3"] > shares.get("Pow2", 0.0)


def test_quantiles_are_those_of_a_known_mixture():
    weight, mean, spread = np.array([0.3, 0.7]), np.array([[0.0], [4.0]]), np.array([[1.0], [0.5]])
    found = quantiles(weight, mean, spread, (0.1, 0.5, 0.9))
    assert below(weight, mean, spread, found[1]) == pytest.approx([0.5], abs=1e-6)
    assert found[2] == pytest.approx([4 + 0.5 * norm.ppf(1 - 0.1 / 0.7)], abs=1e-4)


@given(st.integers(1, 2000), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_merging_keeps_mean_and_variance(many, seed):
    rng = np.random.default_rng(seed)
    weight, mean, spread = rng.dirichlet(np.ones(many)), rng.standard_normal(many), rng.random(many)
    w, m, s = merged(weight, mean, spread)
    assert w.sum() == pytest.approx(1)
    assert w @ m == pytest.approx(weight @ mean)
    assert w @ (s**2 + m**2) == pytest.approx(weight @ (spread**2 + mean**2))


def test_variances_are_half_their_own_and_half_pooled():
    rows = [np.array([0.4, 0.6]), np.array([0.1, 0.1]), np.array([0.2])]
    seen = observed(np.array([1.0, 2.0, 3.0]), rows)
    rate = 0.02 / (0.5 + 0.1)  # sum of squares over sum of (repeats - 1) * error
    assert seen.noise[0] ** 2 == pytest.approx((0.02 + rate * 0.5) / 2 / 2)
    assert seen.noise[1] ** 2 == pytest.approx((0 + rate * 0.1) / 2 / 2)
    assert seen.noise[2] ** 2 == pytest.approx(rate * 0.2)


@pytest.mark.parametrize(
    "wrong", [{"members": {}}, {"asymptotes": 0}, {"drift": -0.1}, {"misfits": ()}, {"misfits": (0.0,)}]
)
def test_an_impossible_prior_is_refused(wrong):
    with pytest.raises(ConfigError, match=rf"Prior\.{next(iter(wrong))}.* it must be"):
        Prior(**wrong)

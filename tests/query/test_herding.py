"""Herding, plain and by uncertainty."""

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.core.types import PoolView
from poolwise.query.acquisition.temperature import rescaled
from poolwise.query.herding import MaxHerding, UHerding, forecast_temperature


def view(labelled=0, seed=0, **more):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(3), 200).astype(np.float32)
    return PoolView(
        ids=np.arange(200),
        probs=probs,
        embeddings=rng.standard_normal((200, 5)).astype(np.float32),
        labelled_ids=1000 + np.arange(labelled),
        labels=rng.integers(3, size=labelled),
        labelled_embeddings=rng.standard_normal((labelled, 5)).astype(np.float32),
        **more,
    )


def ids(strategy, given, size=10):
    return strategy.select(given, size, np.random.default_rng(0)).ids.tolist()


def test_without_labels_both_are_the_same_whatever_the_model_says():
    assert ids(UHerding(), view()) == ids(MaxHerding(), view())


def test_with_many_labels_the_kernel_narrows_to_the_most_uncertain():
    given = view(50)
    top_two = np.sort(given.probs, axis=1)[:, 1:]
    foremost = np.argsort(top_two[:, 1] - top_two[:, 0])[:10]
    assert set(ids(UHerding(sigma=1e-9), given)) == set(foremost.tolist())


def test_a_model_that_is_sure_of_everything_leaves_plain_coverage():
    given = view(5)
    given.probs[:] = [0, 1, 0]
    assert ids(UHerding(sigma=1.0), given) == ids(MaxHerding(), given)


def test_reasons_tell_temperature_width_and_gain():
    query = UHerding(sigma=0.5).select(view(30), 4, np.random.default_rng(0))
    assert set(query.reasons) >= {"coverage_gain", "sigma", "temperature", "uncertainty"}
    assert query.reasons["sigma"].tolist() == [0.5] * 4
    assert query.reasons["temperature"].tolist() == [1] * 4


def test_the_temperature_comes_from_forecasts_that_were_made():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), 4000)
    labels = np.array([rng.choice(3, p=row) for row in probs])
    forecasts = rescaled(probs, 1 / 2.5)
    forecasts[::2] = np.nan
    given = PoolView(ids=np.arange(3), labelled_ids=np.arange(4000), labels=labels, forecasts=forecasts)
    assert forecast_temperature(given) == pytest.approx(2.5, rel=0.2)


def test_few_forecasts_leave_the_temperature_alone():
    sure = np.tile(np.array([0.98, 0.01, 0.01], dtype=np.float32), (20, 1))  # and right in a third of all
    labels = np.arange(20) % 3

    def given(count):
        return PoolView(
            ids=np.arange(3), labelled_ids=10 + np.arange(count), labels=labels[:count], forecasts=sure[:count]
        )

    assert forecast_temperature(given(19)) == 1
    assert forecast_temperature(given(20)) > 2
    assert forecast_temperature(view(30)) == 1


@pytest.mark.parametrize("options", [{"sigma": 0.0}, {"sample": 0}])
@pytest.mark.parametrize("kind", [MaxHerding, UHerding])
def test_options_that_cannot_be_are_named(kind, options):
    with pytest.raises(ConfigError, match=rf"{kind.__name__}\.{next(iter(options))} is 0.*; it must be"):
        kind(**options)

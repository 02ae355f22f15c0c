import numpy as np
from sklearn.metrics import roc_auc_score

from poolwise.core.types import Task
from poolwise.query.auto import auroc, trustworthy


def forecasts(count, skill, seed=0):
    """Two classes; the surer one of the two halves is right more often, the more so the higher the skill."""
    rng = np.random.default_rng(seed)
    sure = rng.uniform(0.5, 1, size=count)
    right = rng.random(count) < 0.5 + skill * (sure - 0.5)
    return np.stack([sure, 1 - sure], axis=1).astype(np.float32), np.where(right, 0, 1)


def test_the_area_is_that_of_sklearn():
    rng = np.random.default_rng(0)
    scores, errors = rng.integers(5, size=60).astype(np.float32), rng.random(60) < 0.4
    assert np.isclose(auroc(scores, errors)[0], roc_auc_score(errors, scores))


def test_its_standard_error_is_the_spread_of_areas_of_noise():
    rng = np.random.default_rng(0)
    areas = [auroc(rng.random(80).astype(np.float32), np.arange(80) < 30)[0] for _ in range(2000)]
    assert np.isclose(np.std(areas), auroc(rng.random(80).astype(np.float32), np.arange(80) < 30)[1], rtol=0.08)


def test_a_margin_that_tells_errors_needs_enough_answers_to_be_trusted():
    found = [[trustworthy(*forecasts(count, 1.0, seed))[0] for seed in range(50)] for count in (4, 30, 500)]
    few, more, many = np.mean(found, axis=1)
    assert few < 0.1
    assert few < more < many
    assert many == 1


def test_a_margin_that_tells_nothing_is_seldom_trusted():
    assert np.mean([trustworthy(*forecasts(200, 0.0, seed))[0] for seed in range(400)]) < 0.05


def test_nothing_forecast_is_not_trusted():
    said, truth = forecasts(50, 1.0)
    assert trustworthy(np.full_like(said, np.nan), truth) == (False, 0)
    assert trustworthy(said, np.full(50, -1)) == (False, 0)
    assert not trustworthy(said, said.argmax(axis=1))[0]  # never wrong: nothing to tell


def test_rows_without_a_forecast_are_passed_over():
    said, truth = forecasts(300, 1.0)
    gaps = np.concatenate([said, np.full((9, 2), np.nan, dtype=np.float32)])
    assert trustworthy(gaps, np.concatenate([truth, np.zeros(9, dtype=int)])) == (True, 300)


def test_labels_of_their_own_may_be_several():
    said, truth = forecasts(2000, 1.0)
    assert trustworthy(said[:, :1], (truth == 0).astype(np.int8)[:, None], Task.MULTILABEL) == (True, 2000)

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from poolwise.core.errors import TrainingDiverged
from poolwise.model import logistic
from poolwise.model.logistic import solve


def samples(count=200, width=12, classes=4):
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(count, width, generator=rng) * torch.linspace(2, 0.1, width)
    features /= features.square().mean().sqrt()
    return features, (features @ torch.randn(width, classes, generator=rng)).argmax(1)


def logits(features, solution):
    return (features @ solution.weights.T + solution.bias).numpy()


@pytest.mark.parametrize("shortest", [0.0, 1e9])  # with and without evening out
def test_it_finds_what_scikit_learn_finds(monkeypatch, shortest):
    monkeypatch.setattr(logistic, "SHORTEST", shortest)
    features, labels = samples()
    width, variance = features.shape[1], 5.0
    # scikit-learn does not penalise its own intercept; a column does the same as a bias with the prior of a logit
    whole = np.hstack([features * np.sqrt(variance / width), np.full((len(features), 1), np.sqrt(variance))])
    reference = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-8, max_iter=5000).fit(whole, labels)
    expected = whole @ reference.coef_.T
    assert np.allclose(logits(features, solve(features, labels, 4, variance, 500)), expected, atol=0.02)


def test_several_classes_a_picture_are_regressions_of_their_own():
    features, labels = samples(classes=3)
    several = torch.stack([labels == 0, labels != 2, torch.ones_like(labels) == 1], dim=1).float()
    whole = logits(features, solve(features, several, 3, 5.0, 500))
    for one in range(3):
        alone = logits(features, solve(features, several[:, [one]], 1, 5.0, 500))
        assert np.allclose(whole[:, [one]], alone, atol=0.05)


def test_a_class_without_labels_is_possible_and_unlikely():
    features, labels = samples(classes=3)
    found = torch.softmax(torch.from_numpy(logits(features, solve(features, labels, 5, 10.0, 500))), dim=1)
    assert (found[:, 3:] > 0).all()
    assert found[:, 3:].mean() < 0.02
    assert torch.allclose(found[:, 3], found[:, 4], atol=1e-3)


def test_a_wider_prior_follows_the_labels_more_closely():
    features, labels = samples()
    losses = [solve(features, labels, 4, variance, 500).info["loss"] for variance in (0.01, 1.0, 100.0)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 1.0  # nearly the prior: log 4 = 1.39


def test_one_sample_and_features_that_are_all_alike_are_enough():
    for count in (1, 5):
        found = solve(torch.zeros(count, 3), torch.ones(count, dtype=torch.int64), 2, 10.0, 500)
        assert found.bias[1] > found.bias[0]
        assert not found.weights.any()


def test_embeddings_that_are_not_finite_are_refused():
    with pytest.raises(TrainingDiverged, match="NaN"):
        solve(torch.full((3, 2), torch.nan), torch.zeros(3, dtype=torch.int64), 2, 1.0, 9)

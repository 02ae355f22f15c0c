"""The prior variance of a logistic head, chosen by cross-validation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from poolwise.model import regularisation
from poolwise.model.regularisation import USUAL, choose_variance


def clouds(count, spread, seed=0, classes=3, width=20):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    points = np.eye(classes, width)[labels] * 3 + rng.normal(size=(count, width)) * spread
    points = (points - points.mean(axis=0)) / np.sqrt(np.square(points - points.mean(axis=0)).mean())
    return torch.from_numpy(points.astype(np.float32)), torch.from_numpy(labels)


def test_clear_classes_are_followed_more_closely_than_mixed_ones():
    clear, mixed = clouds(90, 0.1), clouds(90, 4.0)
    assert choose_variance(*clear, 3, None, 0).variance > 10 > choose_variance(*mixed, 3, None, 0).variance


def test_the_choice_has_the_smallest_loss_of_those_tried_and_its_neighbours_were_tried():
    choice = choose_variance(*clouds(60, 1.0), 3, None, 0)
    assert choice.losses[choice.variance] == min(choice.losses.values())
    at = regularisation.VARIANCES.index(choice.variance)
    beside = regularisation.VARIANCES[max(0, at - 1) : at + 2]
    assert set(beside) <= set(choice.losses)


def test_few_labels_or_few_groups_take_the_usual_one():
    points, labels = clouds(12, 1.0)
    assert choose_variance(points, labels, 3, None, 0).variance == USUAL
    points, labels = clouds(40, 1.0)
    assert choose_variance(points, labels, 3, np.arange(40) % 2, 0).variance == USUAL


def test_copies_kept_together_do_not_make_the_head_look_better_than_it_is():
    points, labels = clouds(30, 4.0)
    points, labels = points.repeat(3, 1), labels.repeat(3)
    together = choose_variance(points, labels, 3, np.tile(np.arange(30), 3), 0)
    apart = choose_variance(points, labels, 3, None, 0)
    assert apart.variance > together.variance


def test_several_labels_and_classes_with_one_picture_are_taken():
    points, labels = clouds(40, 0.5)
    several = torch.nn.functional.one_hot(labels, 3).float()
    assert choose_variance(points, several, 3, None, 0).losses
    labels[labels == 2] = 1
    labels[0] = 2
    assert choose_variance(points, labels, 3, None, 0).losses


def test_fewer_directions_than_features_keep_the_meaning_of_the_prior(monkeypatch):
    points, labels = clouds(200, 1.5, width=40)
    whole = choose_variance(points, labels, 3, None, 0)
    monkeypatch.setattr(regularisation, "DIRECTIONS", 39)
    almost = choose_variance(points, labels, 3, None, 0)
    assert almost.losses == pytest.approx(whole.losses, rel=0.05)

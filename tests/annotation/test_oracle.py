from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poolwise.annotation.oracle import Mistake, Oracle
from poolwise.core.errors import ConfigError
from poolwise.core.types import Ask, Batch, Task

N = 2000
LABELS = np.arange(N) % 4
BATCH = Batch(
    0, tuple(Ask(at, "", suggestion="d", probability=0.9) for at in range(N)), tuple("abcd"), Task.MULTICLASS, Path()
)


def labels(oracle, batch=BATCH):
    return [answer.label for answer in oracle.collect(batch)]


def test_without_noise_every_answer_is_the_hidden_label():
    assert labels(Oracle(truth=LABELS)) == ["abcd"[at] for at in LABELS]


def test_noise_comes_at_its_rate_and_asking_again_changes_nothing():
    oracle = Oracle(noise_rate=0.2, truth=LABELS)
    wrong = np.mean([label != "abcd"[at] for label, at in zip(labels(oracle), LABELS, strict=True)])
    assert 0.16 < wrong < 0.24  # four standard errors
    assert labels(oracle) == labels(oracle)


def test_an_answer_does_not_depend_on_what_else_is_asked():
    oracle = Oracle(noise_rate=0.5, truth=LABELS)
    assert labels(oracle, replace(BATCH, asks=BATCH.asks[7:9])) == labels(oracle)[7:9]


def test_confusion_shaped_mistakes_follow_the_suggestion():
    found = labels(Oracle(noise_rate=1.0, mistakes=Mistake.CONFUSION, truth=LABELS))
    assert {label for label, at in zip(found, LABELS, strict=True) if at != 3} == {"d"}


def test_multi_label_noise_flips_single_labels():
    truth = np.zeros((N, 4), dtype=np.int8)
    found = labels(Oracle(noise_rate=0.1, truth=truth), replace(BATCH, task=Task.MULTILABEL))
    assert 0.08 < np.mean([len(label) / 4 for label in found]) < 0.12


def test_a_sample_of_unknown_label_is_skipped():
    oracle = Oracle(truth=np.array([-1, 2]))
    assert labels(oracle, replace(BATCH, asks=BATCH.asks[:2])) == [None, "c"]
    assert oracle.answerable(np.array([0, 1])).tolist() == [False, True]


def test_classes_that_nobody_will_answer_with_are_known():
    assert Oracle(truth=np.array([0, 2, -1])).never("abc") == ["b"]
    assert Oracle(truth=np.array([[0, 1], [-1, -1]])).never("ab") == ["a"]


def test_an_impossible_rate_is_refused():
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Oracle(noise_rate=1.5)


def test_it_says_how_much_is_right_and_counts_what_it_knows():
    oracle = Oracle(noise_rate=1.0, truth=np.array([0, 1, -1, 2]))
    assert oracle.share_right(np.array([0, 2, 3]), np.array([0, 5, 1])) == 0.5
    several = Oracle(truth=np.array([[0, 1], [1, 1], [-1, -1]]))
    assert several.share_right(np.arange(3), np.array([[0, 1], [1, 0], [0, 0]])) == 0.5
    assert np.isnan(several.share_right(np.array([2]), np.array([[0, 0]])))


def test_answers_may_take_their_time(monkeypatch):
    slept = []
    monkeypatch.setattr("poolwise.annotation.oracle.time.sleep", slept.append)
    Oracle(delay=0.5, truth=LABELS).collect(BATCH)
    assert slept == [0.5 * len(BATCH.asks)]
    with pytest.raises(ConfigError, match="annotation.delay"):
        Oracle(delay=-1)

import dataclasses

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.core.types import PoolView, Task
from poolwise.query.acquisition import multilabel
from poolwise.query.acquisition.confidence import margin
from poolwise.query.multilabel import Adaptive, BinMin, LabelCardinality, MaxEntropy, Mmc


def rng(seed=0):
    return np.random.default_rng(seed)


def view(labelled=30, forecasts=True):
    labels = (rng(1).uniform(size=(labelled, 5)) < 0.3).astype(np.int8)
    said = np.clip(labels * 0.6 + rng(2).uniform(0, 0.3, size=labels.shape), 0, 1)
    return PoolView(
        np.arange(40) + 100,
        task=Task.MULTILABEL,
        probs=rng(3).uniform(size=(40, 5)).astype(np.float32),
        labelled_ids=np.arange(labelled),
        labels=labels,
        forecasts=said.astype(np.float32) if forecasts else None,
    )


def test_each_takes_the_highest_of_its_measure():
    mean = view().labels.sum(axis=1).mean()
    measures = {
        MaxEntropy(): multilabel.max_entropy(view().probs),
        BinMin(): margin(view().probs, Task.MULTILABEL),
        LabelCardinality(): multilabel.cardinality_inconsistency(view().probs, mean),
        Adaptive(): multilabel.adaptive(view().probs, mean, 0.5),
    }
    for strategy, scores in measures.items():
        np.testing.assert_allclose(strategy.select(view(), 9, rng()).scores, np.sort(scores)[::-1][:9])


def test_the_least_certain_label_is_named():
    query = BinMin().select(view(), 1, rng())
    row = view().probs[query.ids[0] - 100]
    at = np.abs(row - 0.5).argmin()
    assert query.reasons["reason"].tolist() == [f"class {at} present with probability {row[at]:.2f}"]


def test_mmc_learns_the_number_of_labels_where_it_can_and_says_so():
    learnt = Mmc().select(view(), 5, rng())
    assert "learnt from 30 labelled samples" in learnt.reasons["reason"][0]
    known = multilabel.predicted_counts(view().probs, view().forecasts, view().labels)
    assert learnt.reasons["labels_expected"].tolist() == known[learnt.ids - 100].tolist()
    for unlearnt in (view(forecasts=False), view(19), view(0)):
        assert "rounded sum" in Mmc().select(unlearnt, 5, rng()).reasons["reason"][0]


def test_samples_without_a_forecast_or_a_label_do_not_count():
    forecasts, labels = view().forecasts.copy(), view().labels.copy()
    forecasts[:6] = np.nan
    labels[6:10] = -1
    partly = dataclasses.replace(view(), forecasts=forecasts, labels=labels)
    assert "learnt from 20 " in Mmc().select(partly, 5, rng()).reasons["reason"][0]
    assert "rounded sum" in Mmc(enough=21).select(partly, 5, rng()).reasons["reason"][0]


@pytest.mark.parametrize("strategy", [LabelCardinality(), Adaptive()])
def test_before_the_first_label_the_expected_number_stands_in(strategy):
    sentence = strategy.select(view(0), 1, rng()).reasons["reason"][0]
    assert f"{view().probs.sum(axis=1).mean():.2f} expected on average, as nothing is labelled yet" in sentence
    assert "among the labelled" in strategy.select(view(), 1, rng()).reasons["reason"][0]


def test_impossible_options_are_named():
    with pytest.raises(ConfigError, match="balance"):
        Adaptive(1.5)
    with pytest.raises(ConfigError, match="enough"):
        Mmc(0)

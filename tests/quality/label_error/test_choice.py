"""Detectors tried on planted errors."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

import poolwise
from poolwise.core.errors import ConfigError, InvalidArray
from quality.label_error.data import clouds


def case(blur):
    """Embeddings that tell the classes, a twentieth of the labels wrong, and a model that is the worse the more blurred."""
    true, given, points = clouds(900, 0.925 * np.eye(3) + 0.025, spread=0.3)
    logits = 3 * np.eye(3)[true] + blur * np.random.default_rng(1).standard_normal((900, 3))
    return true, given, points, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_the_table_says_what_was_found_of_how_many():
    _, given, points, probs = case(1.0)
    table = poolwise.compare_detectors(given, probs, embeddings=points, methods=["odds", "simifeat"], share=0.03)
    assert {(row.detector, row.shape) for row in table} == {
        (name, shape) for name in ("odds", "simifeat") for shape in ("uniform", "confusions")
    }
    assert [row.k for row in table] == 4 * [
        12,
        25,
        50,
    ]  # half as many as the errors planted, as many, and twice as many
    assert {round(row.precision * row.k / row.recall) for row in table} == {25}
    assert table == poolwise.compare_detectors(
        given, probs, embeddings=points, methods=["odds", "simifeat"], share=0.03
    )


@pytest.mark.parametrize(("blur", "worst"), [(6.0, "odds"), (0.5, "neighbour_vote")])
def test_the_one_that_suits_the_data_is_chosen(blur, worst):
    true, given, points, probs = case(blur)
    found = poolwise.find_label_errors(
        given, probs, embeddings=points, method="planted", members=["odds", "neighbour_vote"]
    )
    order = list(dict.fromkeys(row.detector for row in found.comparison))
    truth = {
        name: average_precision_score(
            true != given, -poolwise.find_label_errors(given, probs, embeddings=points, method=name).quality
        )
        for name in order
    }
    assert order[-1] == worst
    assert truth[order[0]] >= truth[order[-1]]
    chosen = poolwise.find_label_errors(given, probs, embeddings=points, method=order[0])
    np.testing.assert_allclose(found.quality, chosen.quality)


def test_what_is_expected_is_what_is_found():
    true, given, points, probs = case(1.0)
    found = poolwise.find_label_errors(given, probs, embeddings=points, method="planted")
    wrong = int((true != given).sum())
    hits = (true != given)[found.ranking[:wrong]].sum()
    assert abs(found.expected[wrong - 1] - hits) <= 0.25 * wrong


def test_the_best_two_are_tried_together():
    _, given, points, probs = case(1.0)
    found = poolwise.find_label_errors(given, probs, embeddings=points, method="planted", best=2)
    assert found.comparison[-1].detector == "together"


def test_what_cannot_be_compared_is_told():
    with pytest.raises(ConfigError, match="share of the labels"):
        poolwise.compare_detectors([0, 1], np.eye(2), share=1.0)
    with pytest.raises(InvalidArray, match="'simifeat' needs embeddings"):
        poolwise.compare_detectors([0, 1], np.eye(2), methods=["simifeat"])
    with pytest.raises(ConfigError, match="none of the members"):
        poolwise.find_label_errors([0, 1], np.eye(2), method="planted", members=["simifeat"])
    with pytest.raises(ConfigError, match=r"planted\.best is 0; it must be at least 1"):
        poolwise.find_label_errors([0, 1], np.eye(2), method="planted", best=0)

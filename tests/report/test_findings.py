import math
from dataclasses import replace

import pytest

from poolwise.report.findings import Verdict, findings, held_out_size, points


def test_a_clear_win_says_how_many_times_as_many_labels_random_needed(make_pair):
    found = findings(make_pair([0.5, 0.7, 0.9], [0.5, 0.6, 0.7]))
    assert found.verdict is Verdict.BETTER
    assert found.headline.startswith("clustered did better than random drawing: 90.0 % accuracy with 30 labels")
    assert "needed 20 labels and random drawing 30: random drawing needed 1.5 times as many" in found.details[0]
    assert "+20.0 points at 30 labels" in found.details[1]


def test_a_difference_within_chance_is_called_even(make_pair):
    found = findings(make_pair([0.5, 0.7, 0.91], [0.5, 0.7, 0.90]))
    assert found.verdict is Verdict.EVEN
    assert "about as well as random drawing" in found.headline
    assert "within the chance" in found.details[1]


def test_a_loss_is_called_a_loss(make_pair):
    found = findings(make_pair([0.5, 0.6, 0.7], [0.5, 0.7, 0.9]))
    assert found.verdict is Verdict.WORSE
    assert "clustered needed 1.5 times as many" in found.details[0]


def test_ahead_on_average_and_behind_at_the_end_is_mixed(make_pair):
    found = findings(make_pair([0.5, 0.9, 0.9, 0.6], [0.5, 0.5, 0.5, 0.9]))
    assert found.verdict is Verdict.MIXED


def test_the_margin_is_that_of_two_binomials(make_pair):
    found = findings(make_pair([0.5, 0.9], [0.5, 0.9]))
    assert found.margin == pytest.approx(1.96 * math.sqrt(2 * 0.9 * 0.1 / 300), rel=0.02)
    assert "300 pictures" in found.caution


def test_a_metric_that_is_no_share_gets_no_margin_and_no_verdict(make_pair):
    runs = [replace(run, metric="nll") for run in make_pair([0.5, 0.9], [0.5, 0.6])]
    found = findings(runs)
    assert (found.verdict, found.margin) == (Verdict.UNKNOWN, None)
    assert "−0.3 at 20 labels" in found.details[1]


def test_without_a_control_nothing_is_claimed(make_run):
    found = findings([make_run([0.5, 0.9])])
    assert found.headline == "clustered reached 90.0 % accuracy with 20 labels."
    assert "no random control" in found.details[0]


def test_a_control_that_has_not_begun_is_named(make_pair):
    assert "not finished a round" in findings(make_pair([0.5], [])).details[0]


def test_a_run_without_rounds_says_so(make_run):
    assert findings([make_run([])]).headline == "No round has finished yet."


def test_without_a_held_out_set_the_page_says_what_to_do(make_run, make_round):
    bare = replace(make_round(0, 10, 0.5), metrics={}, per_class={}, confusion=None)
    found = findings([make_run([], rounds=(bare,))])
    assert "10 labels after 1 round" in found.headline
    assert "test" in found.details[0]


def test_rounds_without_new_labels_count_once_and_nan_not_at_all(make_run, make_round):
    rounds = (make_round(0, 10, 0.5), make_round(1, 10, 0.6))
    lost = replace(make_round(2, 20, 0.7), metrics={"accuracy": math.nan})
    assert points(make_run([], rounds=(*rounds, lost))) == ([10], [0.6])


def test_the_size_of_the_test_set_comes_from_the_data_where_there_is_no_confusion(make_run, make_round):
    bare = replace(make_round(0, 10, 0.5), confusion=None)
    assert held_out_size(make_run([], rounds=(bare,))) == 300
    assert held_out_size(make_run([], rounds=(bare,), data={})) is None


def test_budgets_that_differ_are_both_named(make_pair):
    found = findings(make_pair([0.5, 0.9], [0.5, 0.6, 0.7]))
    assert "90.0 % accuracy with 20 labels, random drawing 70.0 % with 30." in found.headline

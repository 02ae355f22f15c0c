"""The page of a comparison is whole, safe and says what it knows."""

import math
import re

import pytest

from poolwise.core.types import RunRecord
from poolwise.report.compare import ComparePage, write_compare_page


def summary_row(arm, test="raw", metric="accuracy", **values):
    known = {
        "mean": 0.8,
        "sd": 0.01,
        "against": "" if arm == "raw" else "raw",
        "difference": 0.02,
        "low": 0.01,
        "high": 0.03,
    }
    if arm == "raw":
        known |= {"difference": math.nan, "low": math.nan, "high": math.nan}
    p = math.nan if arm == "raw" else 0.01
    row = {"arm": arm, "test_set": test, "metric": metric, **known, "p": p, "p_holm": p, "seeds": 2, "verdict": "above"}
    return {**row, **values}


def result_row(arm, seed, test="raw"):
    return {
        "arm": arm, "seed": seed, "test_set": test, "accuracy": 0.8, "macro_f1": 0.8, "test_size": 9, "train_size": 90,
        "removed": 1, "relabelled": 0, "on_removed_by_given_label": None, "on_removed_by_true_label": None,
    }  # fmt: skip


@pytest.fixture
def page(tmp_path):
    data = {"name": "<b>d</b>", "given": 90, "tested": 9}
    run = RunRecord("r", "label_errors", tmp_path, {"token": "x"}, "poolwise compare", "accuracy", data, (), "stopped", "",
                    job="compare", results={"detection/precision": 0.5})  # fmt: skip
    arms = ("raw", "pruned")
    return ComparePage(
        run=run,
        messages=("Removing the flagged samples helped: accuracy on the raw test set +2.0 points.", "And more."),
        judged_by="raw",
        summary=[summary_row(arm, metric=metric) for metric in ("accuracy", "macro_f1") for arm in arms],
        removed=[{"class": "<i>cat</i>", "given": 50.0, "removed": 5.0, "relabelled": 0.0}],
        results=[result_row(arm, seed) for arm in arms for seed in (0, 1)],
        caveats=("Two seeds are few.",),
    )


def test_the_page_has_the_answer_the_interval_and_the_caveats(page, tmp_path):
    png, html = write_compare_page(page, {"poolwise": "0"})
    text = html.read_text()
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "<h1>Removing the flagged samples helped" in text
    assert "+2.0 (+1.0 to +3.0)" in text
    assert "Two seeds are few." in text
    assert "10.0%" in text  # of the class that is removed


def test_names_from_outside_are_escaped_and_nothing_is_fetched(page):
    text = write_compare_page(page, {})[1].read_text()
    assert "<i>cat" not in text
    assert "<b>d" not in text
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert "default-src 'none'" in text


def test_one_seed_and_no_difference_are_shown_without_an_interval(page, tmp_path):
    from dataclasses import replace

    rows = [{**row, "low": math.nan, "high": math.nan, "p_holm": math.nan} for row in page.summary]
    text = write_compare_page(replace(page, summary=rows), {})[1].read_text()
    assert "+2.0 points" in text
    assert "nan" not in text

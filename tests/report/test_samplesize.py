"""The page of a sample-size experiment is whole, safe and says what it knows."""

import math
import re
from dataclasses import replace

import pytest

from poolwise.core.types import RunRecord
from poolwise.report.samplesize import SampleSizePage, write_samplesize_page


def required_row(method="average of curves", **values):
    row = {
        "metric": "accuracy",
        "method": method,
        "target": 0.9,
        "p10": 300.0,
        "p50": 800.0,
        "p90": math.inf,
        "reachable": 0.56,
    }
    return {**row, **values}


@pytest.fixture
def page(tmp_path):
    data = {"name": "<b>d</b>", "given": 900, "tested": 90}
    run = RunRecord("r", "small_cnn", tmp_path, {"token": "x"}, "poolwise samplesize", "accuracy", data, (), "stopped", "",
                    job="samplesize")  # fmt: skip
    points = [{"size": n, "repeat": r, "accuracy": 0.7 + n / 1000 + r / 100} for n in (50, 100) for r in (0, 1)]
    ahead = [
        {"size": float(n), "mean": 0.8, "low": 0.7, "high": 0.9, "chance": 0.3, "last": 0.81, "power": 0.85}
        for n in (100, 200, 400)
    ]
    rare = {"class": "<i>cat</i>", "labels": 9.5, "recall": 0.5, "p10": 20.0, "p50": math.inf, "p90": math.inf,
            "factor": math.inf, "reachable": 0.2, "doubts": "Flat."}  # fmt: skip
    naive = required_row("last point repeated", p10=math.nan, p50=math.inf, p90=math.nan, reachable=math.nan)
    tables = {
        "points": points,
        "forecast": ahead,
        "curve": ahead,
        "required": [required_row(), naive],
        "classes": [rare],
    }
    return SampleSizePage(
        run, ("90 % accuracy needs about 300 to 800 images.", "Label 90 more."), 0.9, "images", True,
        ("Two sizes are few.",), ("Held constant: 3 steps.",), tables,
    )  # fmt: skip


def text_of(page):
    png, html = write_samplesize_page(page, {"poolwise": "0"})
    assert png.read_bytes().startswith(b"\x89PNG")
    return html.read_text()


def test_the_page_has_the_answer_the_warnings_the_numbers_and_the_naive_answers(page):
    text = text_of(page)
    assert "<h1>90 % accuracy needs about 300 to 800 images." in text
    for part in ("Label 90 more.", "Two sizes are few.", "Held constant: 3 steps.", "last point repeated", "not within reach",
                 "56 %", "80.5 % \u00b1 0.7"):  # fmt: skip
        assert part in text


def test_the_page_asks_nobody_for_anything_and_escapes(page):
    text = text_of(page)
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    assert "<b>d</b>" not in text
    assert "<i>cat</i>" not in text
    assert "cat&lt;/i&gt; *" in text
    assert "token: x" not in text


def test_without_a_forecast_the_points_alone_are_shown(page):
    text = text_of(replace(page, tables={"points": page.tables["points"]}, warnings=()))
    assert "What was measured" in text
    assert "What to expect" not in text
    assert "Doubtful" not in text


def test_scores_that_are_no_shares_and_a_target_out_of_reach_are_drawn(page):
    never = required_row(p10=math.inf, p50=math.inf)
    assert "0.805" in text_of(replace(page, share=False, tables={**page.tables, "required": [never]}))

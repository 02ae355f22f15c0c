import numpy as np
import pytest

from poolwise.core.types import RunRecord
from poolwise.ledger.events import LabelsAudited
from poolwise.report.audit import AuditPage, content, write_audit_page

RESULTS = {
    "judged": 90.0, "count": 4.0, "copy_groups": 1.0, "superfluous_copies": 2.0, "exact_copies": 1.0, "leaks": 3.0,
    "heaps_of_look_alikes": 0.0, "wrong": 4.0, "precision_in_review": 1.0, "precision_top_1": 1.0, "count_error": -0.5,
}  # fmt: skip


@pytest.fixture
def page(tmp_path):
    issues = {
        "rank": [1, 2], "sample_id": [4, 7], "path": ["a/<b>.png", "a/c.png"], "given": ["cat", "dog"],
        "suggested": ["dog", "dog"], "probability": [0.91, 0.4], "quality": [0.01, 0.3], "expected_errors": [0.9, 1.5],
        "neighbour_ids": [[1, 2], []], "neighbours": [["x", "y"], []], "neighbour_labels": [["dog", "a; b"], []],
        "neighbour_similarity": [[0.9, 0.8], []],
    }  # fmt: skip
    copies = {
        "path": ["a"], "split": ["pool"], "other_path": ["b"], "other_split": ["test"], "similarity": [0.99],
        "leak": [True], "exact": [False], "group": [0],
    }  # fmt: skip
    audit = LabelsAudited(
        RESULTS, ("review these 2; about 2 will be wrong.", "Of 90 about 4 are."),
        estimates={"planted": (4, 1, 8)}, not_judged=("a/only.png",),
    )  # fmt: skip
    run = RunRecord(
        "audit-x", "auto", tmp_path, {"password": "hush", "seed": 0}, "poolwise audit", "label_errors",
        {"name": "pets"}, (), "parked", "", message="0 of 2 reviewed",
    )  # fmt: skip
    classes = {"class": ["cat"], "labels": [3], "wrong_share": [None]}
    return AuditPage(
        run, audit, {"issues": issues, "copies": copies, "classes": classes, "detectors": {}}, {4: "dog", 7: None}
    )


def test_the_page_shows_the_given_and_the_suggested_label_and_what_people_said(page):
    cards = content(page, None, {})["cards"]
    assert [(card["given"], card["suggested"], card["disagrees"], card["answer"]) for card in cards] == [
        ("cat", "dog", True, "now dog"),
        ("dog", "dog", False, "could not tell"),
    ]
    assert [one["label"] for one in cards[0]["near"]] == ["dog", "a; b"]


def test_the_page_is_one_safe_file(page):
    file = write_audit_page(page, lambda at: np.full((1, 8, 8), at, dtype=np.uint8), {"numpy": "2"})
    text = file.read_text()
    assert "&lt;b&gt;.png" in text
    assert "<b>.png" not in text
    assert "hush" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("data:image/png") >= 2
    for said in ("Review these", "0 of 2 reviewed", "a/only.png", "3 pairs lie in two splits", "now dog"):
        assert said.lower() in text.lower(), said


def test_a_table_without_rows_is_left_out(page):
    assert [table["id"] for table in content(page, None, {})["tables"]] == ["classes"]
    assert content(page, None, {})["tables"][0]["rows"] == [["cat", "3", "–"]]

"""What several annotations of one task come to."""

import json

import pytest

from poolwise.data.formats import label_studio
from poolwise.data.formats.record import Record


def annotation(*names, by=1, at="2026-01-01", **more):
    result = [{"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": list(names)}}]
    return {"result": result if names else [], "completed_by": by, "updated_at": at, **more}


@pytest.mark.parametrize(
    ("annotations", "names", "who"),
    [
        ([], None, ""),
        ([annotation("cat")], ("cat",), "user 1"),
        ([annotation("cat", by={"id": 2, "email": "ann@example.com"})], ("cat",), "ann@example.com"),
        # the same person again, later: an edit
        ([annotation("dog", at="2026-01-02"), annotation("cat")], ("dog",), "user 1"),
        # two against one, then one against one
        ([annotation("cat"), annotation("dog", by=2), annotation("cat", by=3)], ("cat",), "user 3"),
        ([annotation("cat"), annotation("dog", by=2, at="2026-01-02")], ("dog",), "user 2"),
        ([annotation("cat", ground_truth=True), annotation("dog", by=2), annotation("dog", by=3)], ("cat",), "user 1"),
        # a skip counts only where nobody answered
        ([annotation(was_cancelled=True)], ("skip",), "user 1"),
        ([annotation(was_cancelled=True, by=2, at="2026-02-02"), annotation("cat")], ("cat",), "user 1"),
        ([annotation()], (), "user 1"),
    ],
)
def test_annotations_come_to_one_answer(annotations, names, who):
    assert label_studio.verdict(annotations, "x") == (names, who)


def test_the_short_export_is_understood():
    rows = [
        {"sample_id": 3, "image": "x", "label": "cat", "annotator": 1},
        {"sample_id": 4, "image": "x", "label": {"choices": ["cat", "dog"]}, "annotator": {"id": 2}},
        {"sample_id": 5, "image": "x"},
    ]
    found = label_studio.read(json.dumps(rows).encode(), "x")
    assert [(row.sample_id, row.names, row.annotator) for row in found] == [
        (3, ("cat",), "user 1"),
        (4, ("cat", "dog"), "user 2"),
        (5, None, ""),
    ]


def test_a_suggestion_goes_out_as_a_prediction_and_never_comes_back_as_an_answer():
    asked = Record("a.jpg", sample_id=3, suggested=("cat",), probability=0.75, reason="far", details={"image": "bad"})
    task = label_studio.task_body(asked, "http://x", model_version="round 2")
    (prediction,) = task["predictions"]
    assert (prediction["score"], prediction["model_version"]) == (0.75, "round 2")
    assert prediction["result"][0]["value"] == {"choices": ["cat"]}
    assert task["data"] == {"image": "http://x", "sample_id": 3, "path": "a.jpg", "reason": "far"}
    assert label_studio.task_record(task, "x").names is None

"""The server, asked as browsers ask it."""

import io
import re
from pathlib import Path

from PIL import Image

from poolwise.annotation.web.vote_aggregation import aggregate
from poolwise.core.types import Ask, Batch, Task


def test_label_a_batch_one_by_one(ann, site, shelf, clock):
    shown = ann.take(2)
    while shown["items"]:
        shown = ann.answer(shown["items"][0]["id"], "b").json()
    assert shown["progress"] | {"done": 6, "total": 6, "full": True} == shown["progress"]
    site.tick()
    assert shelf.filled == [], "the last answer can be taken back for a moment"
    clock.now += 10
    site.tick(), site.tick()
    assert shelf.filled == [0], "handed on once"


def test_browsers_get_numbers_and_pictures_never_a_path(ann, site):
    first = ann.take(1)["items"][0]
    assert "blobs" not in str(first)
    answer = ann.http.get(first["picture"])
    assert Image.open(io.BytesIO(answer.content)).size == (2, 2)
    assert "immutable" in answer.headers["cache-control"]
    for wrong in ("/picture/other/1024/0", f"/picture/{site.data}/77/0", f"/picture/{site.data}/160/120"):
        assert ann.http.get(wrong).status_code == 404
    assert ann.http.get("/static/../app.py").status_code == 404


def test_undo_brings_the_picture_and_what_was_said_back(ann):
    ann.take(1)
    ann.answer(0, "c", note="a note")
    back = ann.post("/api/undo", {"tab": ann.tab, "key": "undo-0001"}).json()
    assert (back["item"]["id"], back["labels"], back["note"], back["progress"]["done"]) == (0, ["c"], "a note", 0)
    assert ann.post("/api/undo", {"tab": ann.tab, "key": "undo-0002"}).json()["item"] is None


def test_an_answer_to_a_batch_that_was_closed_meanwhile_is_kept_as_a_correction(ann, site, shelf, store):
    ann.take(1)
    shelf.at = 1
    site.refresh()
    shown = ann.answer(0, "c", round=0).json()
    assert [row.round for row in store.all()] == [0]
    assert shown["items"][0]["id"] == 6
    assert ann.answer(0, "c", round=5).status_code == 404


def test_the_key_of_an_answer_in_another_batch_is_refused_for_good(ann, site, shelf):
    ann.answer(0, "a", key="the-same-key")
    shelf.at = 1
    site.refresh()
    assert ann.answer(6, "a", round=1, key="the-same-key").status_code == 409, "5xx would have it sent for ever"
    assert ann.answer(6, "a", round=1).status_code == 200


def test_a_run_that_is_over_says_so(ann, site, shelf):
    shelf.at = 2
    site.refresh()
    assert ann.take(1)["progress"]["over"] == "budget"


def test_every_page_is_there_and_escapes_names(ann, shelf):
    shelf.name = "<script>alert(1)</script>"
    for path in ("/", "/grid", "/figures", "/copies"):
        page = ann.http.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert not re.search(r'(src|href)="(?!/)|style=|\son\w+=', page.text), (
            "everything comes from here; nothing inline"
        )


def test_of_a_duplicate_group_one_is_kept(ann, store):
    assert "Group 3" in ann.http.get("/copies").text
    said = {"key": "keep-0001", "group": 3, "keep": [10]}
    assert [ann.post("/api/keep", said).json() for _ in range(2)] == [{"removed": 1}] * 2
    assert [(row.sample_id, row.verdict.value, row.round) for row in store.all()] == [
        (10, "keep", -1),
        (11, "remove", -1),
    ]
    assert "Group 3" not in ann.http.get("/copies").text
    assert ann.post("/api/keep", {**said, "key": "keep-0002", "keep": [0]}).status_code == 409
    assert ann.post("/api/keep", {**said, "key": "keep-0003", "keep": [11]}).json() == {"removed": 1}
    batch = Batch(0, (Ask(0, "x"),), ("a", "b", "c"), Task.MULTICLASS, Path())
    assert [row.sample_id for row in aggregate(store.all(), batch, 1)] == [10], (
        "said again, it stands for what was said"
    )


def test_two_people_get_different_pictures_and_each_their_own_figures(team):
    first, second = (team[name].take(2)["items"] for name in ("ann", "ben"))
    assert {item["id"] for item in first} & {item["id"] for item in second} == set()
    team["ann"].answer(first[0]["id"], "a", seconds=1.0)
    team["ben"].answer(second[0]["id"], None)
    rows = team["ann"].http.get("/api/figures").json()["people"]
    assert [(row["person"], row["answers"], row["cannot_tell"]) for row in rows] == [("ann", 1, 0), ("ben", 1, 1)]

"""The run's files are removed, moved or replaced under an open page: nobody is thanked, and everybody is told."""

import shutil

import pytest

from builders import ledger
from poolwise.annotation.web.site import MOVED
from poolwise.ledger.votes import Votes


@pytest.fixture
def runs(tmp_path):
    """The folder in which the store's ledger lies, and where it is moved to."""
    return tmp_path, tmp_path.with_name(f"{tmp_path.name}-elsewhere")


@pytest.fixture(params=["removed", "begun anew", "renamed", "ledger removed"])
def harm(request, runs):
    folder, elsewhere = runs

    def work():
        if request.param == "ledger removed":
            (folder / "ledger.db").unlink()
            return
        folder.rename(elsewhere)
        if request.param == "removed":
            shutil.rmtree(elsewhere)
        if request.param == "begun anew":
            Votes(ledger(folder), "one").ledger.close()

    yield work
    shutil.rmtree(elsewhere, ignore_errors=True)


def test_no_request_that_thanks_somebody_is_answered(ann, harm):
    ann.take(2)
    first = {"key": "first-key", "sample_id": 0, "said": "label", "labels": ["a"]}
    sent = {"tab": ann.tab, "count": 1, "round": 0, "answers": [first]}
    assert ann.post("/api/answer", sent).status_code == 200
    assert ann.post("/api/keep", {"key": "keep-0001", "group": 3, "keep": [10]}).status_code == 200
    assert ann.post("/api/undo", {"tab": ann.tab, "key": "undo-0001"}).status_code == 200
    harm()
    requests = {
        "a new answer": lambda: ann.answer(1, "b"),
        "an answer that was kept": lambda: ann.post("/api/answer", sent),
        "a step back that was kept": lambda: ann.post("/api/undo", {"tab": ann.tab, "key": "undo-0001"}),
        "nothing to take back": lambda: ann.post("/api/undo", {"tab": ann.tab, "key": "undo-0002"}),
        "a group": lambda: ann.post("/api/keep", {"key": "keep-0002", "group": 3, "keep": [11]}),
        "a group that was kept": lambda: ann.post("/api/keep", {"key": "keep-0001", "group": 3, "keep": [10]}),
        "more pictures": lambda: ann.post("/api/take", {"tab": ann.tab, "count": 2}),
        "a skip": lambda: ann.post("/api/answer", {**sent, "answers": [], "aside": [1]}),
    }
    found = {name: request() for name, request in requests.items()}
    assert {name: answer.status_code for name, answer in found.items()} == dict.fromkeys(requests, 503)
    assert {answer.json()["detail"] for answer in found.values()} == {MOVED}


def test_what_was_not_kept_is_kept_once_when_the_folder_is_back(ann, store, runs):
    folder, elsewhere = runs
    folder.rename(elsewhere)
    for _ in range(2):
        assert ann.answer(0, "b", key="the-same-key").status_code == 503
    elsewhere.rename(folder)
    for _ in range(2):
        assert ann.answer(0, "b", key="the-same-key").status_code == 200
    assert [(vote.sample_id, vote.label) for vote in store.all()] == [(0, "b")]


def test_the_terminal_is_told_where_and_the_page_without_a_path_each_once(site, shelf, store, ann, runs):
    folder, elsewhere = runs
    told = []
    site.warn = told.append
    shelf.version = lambda: store.ledger.length("one")
    site.tick()
    assert told == []
    folder.rename(elsewhere)
    site.tick(), site.tick()
    assert len(told) == 1
    assert f"{folder}/ledger.db was removed, moved or replaced" in told[0]
    progress = ann.http.get("/api/figures").json()["progress"]
    assert progress["trouble"] == MOVED
    assert str(folder) not in MOVED
    elsewhere.rename(folder)
    site.tick(), site.tick()
    assert told[1:] == ["the page: that is mended, answers are recorded again."]
    assert ann.http.get("/api/figures").json()["progress"]["trouble"] == ""

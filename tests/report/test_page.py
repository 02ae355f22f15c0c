import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from poolwise.core.errors import DataError
from poolwise.core.types import Ask
from poolwise.report.page import A_ROUND, render, write_report

VOID = {"meta", "img", "br", "link"}
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{ 7*7 }}$\\frac{"


class Page(HTMLParser):
    """Tags, attributes and text of a page; refuses unbalanced tags."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def test_three_files_are_written_and_nothing_else(make_pair, picture, tmp_path):
    path = write_report(make_pair([0.5, 0.7], [0.5, 0.6]), picture, {"poolwise": "0.1.0"})
    assert path == tmp_path / "report.html"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["learning_curve.png", "report.html", "summary.json"]


def test_writing_again_gives_the_same_files(make_pair, picture, tmp_path):
    runs = make_pair([0.5, 0.7], [0.5, 0.6])
    contents = []
    for _ in range(2):
        write_report(runs, picture, {})
        contents.append([file.read_bytes() for file in sorted(tmp_path.iterdir())])
    assert contents[0] == contents[1]


def test_the_page_asks_nobody_for_anything(make_pair, picture):
    text = render(make_pair([0.5, 0.7], [0.5, 0.6]), picture, {})
    page = Page(text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "base", "form"})
    assert all(img["src"].startswith("data:image/") for img in page.all("img"))
    assert all(link["href"].startswith("#") for link in page.all("a"))
    assert not [attrs for _, attrs in page.tags if "style" in attrs or any(key.startswith("on") for key in attrs)]
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in page.all("meta")[1]["content"]


def test_hostile_names_stay_text(make_run, make_round, picture, tmp_path):
    classes = (HOSTILE, "b\x00\u202e", "c\udc80")
    ask = Ask(0, f"{HOSTILE}\udc80.png", HOSTILE, 0.5, 0.5, HOSTILE)
    rounds = (replace(make_round(0, 3, 0.5, classes), asks=(ask,) * 4),)
    run = make_run(
        [],
        rounds=rounds,
        name=HOSTILE,
        strategy=HOSTILE,
        command=HOSTILE,
        config={"seed": HOSTILE, "note": HOSTILE},
        data={"name": HOSTILE, "digest": HOSTILE, "classes": list(classes), "pool": 3},
        unreadable=((HOSTILE, HOSTILE),),
        stop_reason=HOSTILE,
        message=HOSTILE,
    )
    text = write_report([run], picture, {HOSTILE: HOSTILE}).read_text(encoding="utf-8")
    page = Page(text)
    assert page.all("script") == []
    assert not any("onerror" in attrs for _, attrs in page.tags)
    assert "alert(1)" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "\u202e" not in text


def test_every_picture_has_words_and_every_table_its_headers(make_pair, picture):
    page = Page(render(make_pair([0.5, 0.7], [0.5, 0.6]), picture, {}))
    assert all(img["alt"] for img in page.all("img"))
    assert all(head.get("scope") in ("row", "col") for head in page.all("th"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in page.all("a")} <= set(ids)


def test_a_run_at_its_very_beginning_has_a_page(make_run):
    run = make_run([], status="parked", stop_reason="", message="fill in batches/round_000.csv")
    text = Page(render([run], None, {})).text
    assert "No round has finished yet." in text
    assert "is waiting for answers: fill in batches/round_000.csv" in text


def test_a_run_without_a_held_out_set_has_a_page(make_run, make_round, picture):
    bare = replace(make_round(0, 10, 0.5), metrics={}, per_class={}, confusion=None)
    page = Page(render([make_run([], rounds=(bare,))], picture, {}))
    assert page.all("svg") == []
    assert len(page.all("img")) == 4


def test_several_labels_a_picture_are_listed(make_run, make_round, picture):
    labels = (("cat", "dog"), (), None, ("eel",))
    first = make_round(0, 10, 0.5, suggestion=("dog", "cat"))
    record = replace(first, labels=labels, confusion=None, metrics={"macro_f1": 0.4})
    text = Page(render([make_run([], rounds=(record,), metric="macro_f1")], picture, {})).text
    assert "cat, dog" in text
    assert "none of the classes" in text
    assert "right about 1 of 3" in text


def test_large_rounds_are_cut_and_the_page_says_so(make_run, make_round, picture):
    run = make_run([], rounds=(make_round(0, 200, 0.5, size=200),))
    page = Page(render([run], picture, {}))
    assert len(page.all("img")) == A_ROUND
    assert "140 more pictures of this round are left out" in page.text


def test_a_picture_that_vanished_costs_only_itself(make_run):
    def broken(sample_id):
        raise DataError("gone")

    assert Page(render([make_run([0.5])], broken, {})).text.count("no picture") == 4


def test_a_hundred_classes_get_a_figure_instead_of_a_table(make_run, make_round):
    classes = [f"class {at}" for at in range(100)]
    run = make_run([], rounds=(make_round(0, 4, 0.8, classes),), data={"classes": classes})
    page = Page(render([run], None, {}))
    assert [img["class"] for img in page.all("img")] == ["matrix"]
    assert "The other 80 classes" in page.text


def test_the_weakest_class_comes_first(make_run, make_round):
    record = make_round(0, 10, 0.8)
    weak = {**record.per_class, "eel": {"precision": 0.2, "recall": 0.2, "f1": 0.2, "support": 9}}
    text = render([make_run([], rounds=(replace(record, per_class=weak),))], None, {})
    order = re.findall(r'<th scope="row" class="text">(\w+)</th><td class="strong">', text)
    assert order == ["eel", "cat", "dog"]


def test_digits_with_200_pictures_stay_under_a_megabyte(make_run, make_round):
    rng = np.random.default_rng(0)
    run = make_run([], rounds=tuple(make_round(at, 20 * (at + 1), 0.9, size=20) for at in range(10)))
    text = render([run], lambda _: rng.integers(0, 256, (1, 8, 8), dtype=np.uint8), {})
    assert len(text) < 300_000


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 400, 300), (4, 50, 200), (2, 20, 20), (3, 2000, 1)])
def test_pictures_of_any_size_become_small_thumbnails(make_run, shape):
    rng = np.random.default_rng(0)
    text = render([make_run([0.5])], lambda _: rng.integers(0, 256, shape, dtype=np.uint8), {})
    images = Page(text).all("img")
    assert len(images) == 4
    assert all(int(img["width"]) <= 96 and int(img["height"]) <= 96 for img in images)
    assert len(text) < 90_000


def test_skipped_answers_are_counted_over_all_rounds(make_run, make_round):
    rounds = tuple(replace(make_round(at, 10 * (at + 1), 0.5), skipped=2 - at) for at in range(3))
    text = Page(render([make_run([], rounds=rounds)], None, {})).text
    assert "30 in 3 rounds, 3 skipped" in text
    assert "Skipped" in text


def test_unknown_numbers_are_dashes_and_come_last(make_run, make_round):
    record = make_round(0, 10, 0.8)
    absent = {"precision": float("nan"), "recall": None, "f1": None, "support": 0}
    changed = replace(record, per_class={"cat": absent, **{k: v for k, v in record.per_class.items() if k != "cat"}})
    text = render([make_run([], rounds=(changed, replace(changed, round=1, metrics={"accuracy": None})))], None, {})
    assert re.findall(r'<th scope="row" class="text">(\w+)</th><td class="strong">', text) == ["dog", "eel", "cat"]
    assert "nan" not in Page(text).text.lower()

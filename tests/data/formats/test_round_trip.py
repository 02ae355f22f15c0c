"""What is written is read back, whatever the classes and the paths are called."""

import json
from contextlib import suppress
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.core.errors import FormatError
from poolwise.core.labels import Task
from poolwise.data.formats import coco, cvat, jsonl, label_studio
from poolwise.data.formats.record import Record, split_place

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=12
)
NAME = TEXT.map(str.strip).filter(bool)
SIDE = st.integers(1, 10**7).map(lambda hundredths: hundredths / 100)


@st.composite
def sheets(draw, several=True):
    """Classes, and pictures with any of them, with one, with none, or not looked at."""
    classes = draw(st.lists(NAME, min_size=1, max_size=5, unique=True))
    chosen = st.lists(st.sampled_from(classes), unique=True, min_size=not several, max_size=None if several else 1)
    labels = st.one_of(st.none(), chosen.map(tuple))
    paths = draw(st.lists(NAME, min_size=1, max_size=6, unique=True))
    return classes, [
        Record(path, draw(labels), at, split=draw(st.sampled_from(["", "test"])), size=(30, 40))
        for at, path in enumerate(paths)
    ]


def told(records):
    return [(row.place, row.names and frozenset(row.names), row.split) for row in records]


@settings(max_examples=60, deadline=None)
@given(sheets())
def test_coco_keeps_labels_nones_and_splits(sheet):
    classes, records = sheet
    found = coco.read(coco.write(records, classes).encode(), "x.json")
    assert told(found.pictures()) == told(records)
    assert [row.sample_id for row in found.pictures()] == [row.sample_id for row in records]
    assert list(found.categories.values()) == classes


@settings(max_examples=60, deadline=None)
@given(sheets(), st.lists(st.tuples(SIDE, SIDE, SIDE, SIDE), min_size=6, max_size=6, unique=True))
def test_coco_keeps_crops_and_their_labels(sheet, boxes):
    classes, records = sheet
    crops = [replace(row, box=box, path="one.jpg") for row, box in zip(records, boxes, strict=False)]
    found = coco.read(coco.write(crops, classes).encode(), "x.json").crops()
    assert sorted(told(found), key=str) == sorted(told(crops), key=str)
    assert {split_place(row.place) for row in found} == {("one.jpg", row.box) for row in crops}


@settings(max_examples=60, deadline=None)
@given(sheets())
def test_json_lines_keep_everything(sheet):
    _, records = sheet
    assert told(jsonl.read(jsonl.write(records, Task.MULTILABEL).encode(), "x")) == told(records)


@settings(max_examples=60, deadline=None)
@given(sheets(several=False))
def test_json_lines_keep_one_class_a_picture(sheet):
    _, records = sheet
    assert told(jsonl.read(jsonl.write(records, Task.MULTICLASS).encode(), "x")) == told(records)


@settings(max_examples=60, deadline=None)
@given(sheets())
def test_cvat_keeps_tags_but_takes_none_for_not_looked_at(sheet):
    classes, records = sheet
    found, names = cvat.read(cvat.write(records, classes).encode(), "x.xml")
    assert told(found) == told([replace(row, names=row.names or None) for row in records])
    assert list(names) == classes


@settings(max_examples=60, deadline=None)
@given(sheets(several=False), st.lists(st.tuples(SIDE, SIDE, SIDE, SIDE), min_size=6, max_size=6, unique=True))
def test_cvat_keeps_boxes(sheet, boxes):
    classes, records = sheet
    crops = [replace(row, box=box, split="") for row, box in zip(records, boxes, strict=False) if row.names]
    assert told(cvat.read(cvat.write(crops, classes).encode(), "x.xml", crops=True)[0]) == told(crops)


@settings(max_examples=60, deadline=None)
@given(sheets())
def test_label_studio_keeps_labels_and_nones(sheet):
    _, records = sheet
    tasks = [label_studio.task_body(row, "http://x/1.jpg") for row in records]
    assert told(label_studio.read(label_studio.write(tasks).encode(), "x")) == told(records)


@settings(max_examples=60, deadline=None)
@given(st.lists(NAME, min_size=1, max_size=5, unique=True))
def test_the_labelling_interface_holds_any_class_name(classes):
    view = ElementTree.fromstring(label_studio.interface(classes, Task.MULTILABEL))
    assert [choice.get("value") for choice in view.iter("Choice")] == classes


@pytest.mark.parametrize("read", [coco.read, cvat.read, jsonl.read, label_studio.read])
@given(content=st.one_of(st.binary(max_size=60), TEXT.map(str.encode)))
@settings(max_examples=80, deadline=None)
def test_rubbish_is_refused_in_words(read, content):
    with suppress(FormatError):
        read(content, "x")


KEYS = [
    "id", "image_id", "category_id", "bbox", "file_name", "name", "data", "annotations", "result", "value", "choices",
    "images", "categories", "completed_by", "sample_id", "label", "labels", "width",
]  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(JSON, JSON, JSON)
def test_json_of_the_wrong_shape_is_refused_in_words(first, second, third):
    whole = json.dumps({"images": first, "annotations": second, "categories": third}).encode()
    for read in (lambda: coco.read(whole, "x").pictures(), lambda: coco.read(whole, "x").crops()):
        with suppress(FormatError):
            read()
    for read in (jsonl.read, label_studio.read):
        with suppress(FormatError):
            read(json.dumps([first, second] if read is label_studio.read else first).encode(), "x")

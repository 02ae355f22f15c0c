"""Files that mean harm, or are only broken."""

import json

import pytest

from poolwise.core.errors import FormatError
from poolwise.data.formats import coco, cvat, jsonl, label_studio
from poolwise.data.formats.folders import as_folder
from poolwise.data.formats.parsing import content_of, parse_json, parse_xml

BOMB = (
    b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]><annotations>&y;</annotations>"""
)
OUTSIDE = b"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><annotations>&x;</annotations>"""


@pytest.mark.parametrize("content", [BOMB, OUTSIDE, b"<!DOCTYPE a SYSTEM 'http://x/y.dtd'><annotations/>"])
def test_entities_are_neither_expanded_nor_fetched(content):
    with pytest.raises(FormatError, match="document type"):
        cvat.read(content, "x.xml")


def test_deep_nesting_and_endless_numbers_are_refused():
    with pytest.raises(FormatError, match="nested too deeply"):
        parse_json("[" * 200_000, "x")
    with pytest.raises(FormatError, match="no JSON"):
        parse_json("9" * 10_000, "x")
    assert parse_xml(b"<a>" * 20_000 + b"</a>" * 20_000, "x").tag == "a"


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    (tmp_path / "x.json").write_bytes(b"[" + b" " * 100)
    with pytest.raises(FormatError, match="divide it"):
        content_of(tmp_path / "x.json", most=50)
    with pytest.raises(FormatError, match="no file"):
        content_of(tmp_path)
    with pytest.raises(FormatError, match="cannot be read"):
        content_of(tmp_path / "gone")


def whole(**parts):
    base = {"images": [{"id": 1, "file_name": "a"}], "categories": [{"id": 1, "name": "cat"}], "annotations": []}
    return json.dumps({**base, **parts}).encode()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"[]", "no COCO file"),
        (whole(images=[{"file_name": "a"}]), r"images\[0\] has no id"),
        (whole(images=[{"id": 1}]), "no file_name"),
        (whole(images=[{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]), "another image has too"),
        (whole(categories=[{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]), "two categories of one name"),
        (whole(annotations=[{"image_id": 9, "category_id": 1}]), "not among the file's images"),
        (whole(annotations=[{"image_id": 1, "category_id": 9}]), "has the category 9"),
        (whole(annotations=[{"image_id": [], "category_id": 1}]), "not among"),
    ],
)
def test_what_is_wrong_in_a_coco_file_is_named(content, match):
    with pytest.raises(FormatError, match=match):
        coco.read(content, "x").pictures()


@pytest.mark.parametrize("box", [None, [1, 2, 3], [1, 2, float("nan"), 4], [1, 2, 0, 4], [-5, 0, 4, 4], ["a", 1, 1, 1]])
def test_a_crop_needs_a_box_with_an_area(box):
    with pytest.raises(FormatError, match="bbox"):
        coco.read(whole(annotations=[{"image_id": 1, "category_id": 1, "bbox": box}]), "x").crops()


def test_crowds_are_no_crops_and_a_box_over_the_edge_begins_at_it():
    rows = [{"image_id": 1, "category_id": 1, "bbox": [-2, 3, 10, 10], "iscrowd": at} for at in (0, 1)]
    (crop,) = coco.read(whole(annotations=rows), "x").crops()
    assert (crop.box, crop.names) == ((0, 3, 8, 10), ("cat",))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"<html/>", "begins with <html>"),
        (b"<annotations><track/></annotations>", "video"),
        (b"<annotations><image id='4'/></annotations>", "image 4 has no name"),
        (b"<annotations><image name='a'><tag/></image></annotations>", "tag without a label"),
        (b"<annotations>", "no XML"),
    ],
)
def test_what_is_wrong_in_a_cvat_file_is_named(content, match):
    with pytest.raises(FormatError, match=match):
        cvat.read(content, "x")


@pytest.mark.parametrize(
    ("line", "match"),
    [(b"[1]", "line 1 is no object"), (b'\n{"label": 1}', "line 2 names no picture"), (b"{", "no JSON")],
)
def test_a_wrong_line_is_named(line, match):
    with pytest.raises(FormatError, match=match):
        jsonl.read(line, "x")


def test_a_label_that_is_no_name_is_refused():
    with pytest.raises(FormatError, match="is no name"):
        jsonl.read(b'{"path": "a", "label": {"b": 1}}', "x")
    with pytest.raises(FormatError, match="no list of results"):
        label_studio.read(b'[{"data": {"sample_id": 1}, "annotations": [{"result": 3}]}]', "x")


@pytest.mark.parametrize(
    "name", ["a/b", "..", ".hidden", "__MACOSX", "a\\b", "CON:", "a.", "x\n", "x" * 300, "unlabelled"]
)
def test_a_class_that_is_no_folder_name_is_refused(name):
    with pytest.raises(FormatError):
        as_folder(name, "unlabelled")

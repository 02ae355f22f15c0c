"""Pictures listed in COCO and CVAT files."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from poolwise.annotation.pictures import copied, data_uri
from poolwise.core.errors import ConfigError, DataError, FormatError, UnknownLabel
from poolwise.core.types import Split, Task, decode
from poolwise.data.coco import Coco
from poolwise.data.cvat import Cvat
from poolwise.data.formats import coco, cvat, jsonl
from poolwise.data.formats.record import Record
from poolwise.data.manifest import ManifestFile

SMALL = {"image_size": 8, "test_fraction": 0.0}
CLASSES = ["dog", "cat"]


@pytest.fixture
def root(tmp_path):
    """Six pictures, left half red and right half blue."""
    for at in range(6):
        pixels = np.zeros((20, 40, 3), np.uint8)
        pixels[:, :20, 0] = pixels[:, 20:, 2] = 255
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / f"in/{at}.png")
    return tmp_path


def written(root, *labels, **more):
    records = [Record(f"in/{at}.png", names, **more) for at, names in enumerate(labels)]
    (root / "items.json").write_text(coco.write(records, CLASSES))
    return str(root / "items.json")


def named(source):
    manifest = source.manifest
    return {path: decode(label, manifest.classes) for path, label in zip(manifest.paths, manifest.labels, strict=True)}


def test_one_category_a_picture_is_one_class_and_none_is_unlabelled(root):
    source = Coco(path=written(root, ("cat",), ("dog",), None), **SMALL)
    assert source.manifest.task is Task.MULTICLASS
    assert source.manifest.classes == ("dog", "cat")  # in the order of the categories
    assert named(source) == {"in/0.png": "cat", "in/1.png": "dog", "in/2.png": None}


def test_several_categories_make_it_multi_label(root):
    source = Coco(path=written(root, ("cat", "dog"), ("dog",), None), **SMALL)
    assert source.manifest.task is Task.MULTILABEL
    assert named(source) == {"in/0.png": ("dog", "cat"), "in/1.png": ("dog",), "in/2.png": None}
    with pytest.raises(DataError, match=r"1 pictures .* several categories.*in/0\.png"):
        _ = Coco(path=source.path, multilabel=False, **SMALL).manifest


def test_pictures_without_annotation_may_be_negatives(root):
    path = written(root, ("cat",), None)
    assert named(Coco(path=path, unannotated="none", **SMALL)) == {"in/0.png": ("cat",), "in/1.png": ()}
    with pytest.raises(ConfigError, match="unannotated is .empty.; it must be one of unlabelled, none"):
        Coco(unannotated="empty")


def test_each_box_becomes_a_picture_and_those_of_one_picture_stay_together(root):
    boxes = [(0, 0, 20, 20), (20, 0, 20, 20), (20, 0, 99, 99)]
    records = [Record("in/0.png", (name,), box=box) for name, box in zip(("cat", "dog", "dog"), boxes, strict=True)]
    (root / "items.json").write_text(coco.write(records, CLASSES))
    source = Coco(path=str(root / "items.json"), crops=True, resize="stretch", **SMALL)
    assert named(source) == {
        "in/0.png#xywh=0,0,20,20": "cat",
        "in/0.png#xywh=20,0,20,20": "dog",
        "in/0.png#xywh=20,0,99,99": "dog",
    }
    assert set(source.manifest.groups) == {"in/0.png"}
    assert source.read(np.arange(3)).mean(axis=(2, 3)).round().tolist() == [[255, 0, 0], [0, 0, 255], [0, 0, 255]]
    assert source.unreadable() == []
    assert source.file(0) is None


def test_people_see_a_crop_at_full_size(root, tmp_path):
    records = [Record("in/0.png", ("cat",), box=(0, 0, 10, 20)), Record("in/1.png", ("dog",), box=(30, 0, 10, 20))]
    (root / "items.json").write_text(coco.write(records, CLASSES))
    source = Coco(path=str(root / "items.json"), crops=True, **SMALL)
    with Image.open(copied(1, source, tmp_path / "out")) as picture:
        assert (picture.size, picture.getpixel((0, 0))) == ((60, 120), (0, 0, 255))  # 10 x 20, enlarged
    assert data_uri(0, source, 64).startswith("data:image/jpeg;base64,")


def test_a_box_beyond_the_picture_is_listed_as_unreadable(root):
    records = [Record("in/0.png", ("cat",), box=(0, 0, 10, 10)), Record("in/1.png", ("dog",), box=(400, 0, 10, 10))]
    (root / "items.json").write_text(coco.write(records, CLASSES))
    for cache_mb in (0, 100):
        source = Coco(path=str(root / "items.json"), crops=True, cache_mb=cache_mb, **SMALL)
        assert [(at, "outside the picture of 40 x 20" in why) for at, why in source.unreadable()] == [(1, True)]


def test_boxes_are_those_of_the_upright_picture(root):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn to the right
    with Image.open(root / "in/0.png") as picture:
        picture.save(root / "in/0.jpg", exif=exif, quality=100, subsampling=0)
    records = [Record("in/0.jpg", ("cat",), box=(0, 0, 20, 18)), Record("in/0.jpg", ("dog",), box=(0, 22, 20, 18))]
    (root / "items.json").write_text(coco.write(records, CLASSES))
    source = Coco(path=str(root / "items.json"), crops=True, **SMALL)
    assert (source.read(np.arange(2)).mean(axis=(2, 3)) > 128).tolist() == [[True, False, False], [False, False, True]]


@pytest.mark.parametrize("name", ["../x.png", "/etc/hostname", "in/../../x.png"])
def test_a_picture_outside_the_root_is_refused(root, name):
    (root / "items.json").write_text(coco.write([Record(name, ("cat",))], CLASSES))
    with pytest.raises(DataError, match="lies outside"):
        _ = Coco(path=str(root / "items.json"), **SMALL).manifest


def test_what_is_missing_or_wrong_is_named(root):
    with pytest.raises(ConfigError, match=r"data\.path is not set"):
        _ = Coco().manifest
    with pytest.raises(DataError, match="no file"):
        _ = Coco(path=str(root / "gone.json")).manifest
    (root / "bad.json").write_text("{")
    with pytest.raises(FormatError, match="no JSON"):
        _ = Coco(path=str(root / "bad.json")).manifest
    with pytest.raises(UnknownLabel, match="'dog'"):
        _ = Coco(path=written(root, ("cat",), ("dog",)), classes=("cat", "cow"), **SMALL).manifest
    with pytest.raises(DataError, match="has the split 'night'"):
        _ = Coco(path=written(root, ("cat",), ("dog",), split="night"), **SMALL).manifest


def test_a_file_of_cvat_gives_tags_or_boxes(root):
    records = [Record("in/0.png", ("cat",), split="test"), Record("in/1.png", ("dog",)), Record("in/2.png")]
    (root / "items.xml").write_text(cvat.write(records, CLASSES))
    source = Cvat(path=str(root / "items.xml"), **SMALL)
    assert named(source) == {"in/0.png": "cat", "in/1.png": "dog", "in/2.png": None}
    assert source.manifest.ids(Split.TEST).tolist() == [0]
    crops = [Record("in/0.png", ("cat",), box=(0, 0, 9, 9)), Record("in/0.png", ("dog",), box=(9, 0, 9, 9))]
    (root / "items.xml").write_text(cvat.write(crops, CLASSES))
    assert named(Cvat(path=str(root / "items.xml"), crops=True, **SMALL)) == {
        "in/0.png#xywh=0,0,9,9": "cat",
        "in/0.png#xywh=9,0,9,9": "dog",
    }


def test_in_a_file_of_cvat_with_several_labels_the_tag_none_says_so(root):
    records = [Record("in/0.png", ("cat",)), Record("in/1.png", ("none",)), Record("in/2.png")]
    (root / "items.xml").write_text(cvat.write(records, [*CLASSES, "none"]))
    source = Cvat(path=str(root / "items.xml"), multilabel=True, **SMALL)
    assert source.manifest.classes == ("dog", "cat")
    assert named(source) == {"in/0.png": ("cat",), "in/1.png": (), "in/2.png": None}
    assert named(Cvat(path=str(root / "items.xml"), **SMALL))["in/1.png"] == "none"


def test_a_table_may_be_json_lines_and_name_crops(root):
    records = [Record("in/0.png", ("cat",), box=(0, 0, 20, 20)), Record("in/1.png", ("dog",)), Record("in/2.png")]
    (root / "items.jsonl").write_text(jsonl.write(records, Task.MULTICLASS))
    source = ManifestFile(path=str(root / "items.jsonl"), **SMALL)
    assert named(source) == {"in/0.png#xywh=0,0,20,20": "cat", "in/1.png": "dog", "in/2.png": None}
    assert source.read(np.array([0])).mean(axis=(2, 3)).tolist() == [[255, 0, 0]]
    (root / "items.jsonl").write_text('{"file_name": "in/0.png", "label": ["cat"]}')
    with pytest.raises(DataError, match="`label` is a list"):
        _ = ManifestFile(path=str(root / "items.jsonl"), **SMALL).manifest


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(labels=st.lists(st.one_of(st.none(), st.sets(st.sampled_from(CLASSES))), min_size=6, max_size=6))
def test_any_labels_go_out_and_come_in_again(root, labels):
    wanted = {
        f"in/{at}.png": None if names is None else tuple(name for name in CLASSES if name in names)
        for at, names in enumerate(labels)
    }
    records = [Record(path, names) for path, names in wanted.items()]
    (root / "a.json").write_text(coco.write(records, CLASSES))
    (root / "a.jsonl").write_text(jsonl.write(records, Task.MULTILABEL))
    options = {**SMALL, "classes": tuple(CLASSES)}
    assert named(Coco(path=str(root / "a.json"), multilabel=True, **options)) == wanted
    assert named(ManifestFile(path=str(root / "a.jsonl"), **options)) == wanted


def test_numbers_of_the_file_are_known_for_results_of_other_programs(root):
    path = written(root, ("cat",), ("dog",))
    images, categories = Coco(path=path, **SMALL).numbers
    assert images == {1: "in/0.png", 2: "in/1.png"}
    assert categories == {1: "dog", 2: "cat"}
    assert json.loads((root / "items.json").read_text())["annotations"][0]["bbox"] == [0, 0, 0, 0]

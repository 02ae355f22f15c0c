"""What `poolwise labels` writes is read back by `data=`, whichever labels and splits there are."""

import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from poolwise.annotation.formats import FORMATS
from poolwise.core.errors import FormatError
from poolwise.core.types import Task, decode
from poolwise.data.coco import Coco
from poolwise.data.cvat import Cvat
from poolwise.data.formats.record import Record
from poolwise.data.image_folder import ImageFolder
from poolwise.data.manifest import ManifestFile

CLASSES = ("dog", "cat", "a < b & c")
FOLDERS = ("dog", "cat", "bird")
OPTIONS = {"test_fraction": 0.0, "image_size": 8}
READERS = {"csv": ManifestFile, "jsonl": ManifestFile, "coco": Coco, "cvat": Cvat}
N = 5


@pytest.fixture
def source(tmp_path):
    """A source over five pictures, and what it takes to write their labels."""
    (tmp_path / "in").mkdir()
    for at in range(N):
        Image.new("RGB", (10 + at, 8), (40 * at, 0, 0)).save(tmp_path / f"in/{at}.png")

    def make(task, classes=CLASSES):
        column = "labels" if task is Task.MULTILABEL else "label"
        rows = "".join(f"in/{at}.png,\n" for at in range(N))
        (tmp_path / "all.csv").write_text(f"path,{column}\n{rows}")
        return ManifestFile(path=str(tmp_path / "all.csv"), classes=classes, **OPTIONS)

    return make


def written(kind, records, manifest, images, out):
    FORMATS[kind].load("write")(records, manifest, images, out)


def told(found):
    manifest = found.manifest
    labels = [decode(row, manifest.classes) for row in manifest.labels]
    return sorted(zip((path[-5:] for path in manifest.paths), labels, manifest.splits.tolist(), strict=True))


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("task", list(Task))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(data=st.data())
def test_labels_and_splits_come_back(source, tmp_path, kind, task, data):
    images, several = source(task), task is Task.MULTILABEL
    some = st.lists(st.sampled_from(CLASSES), unique=True, min_size=not several, max_size=None if several else 1)
    wanted = data.draw(st.lists(st.one_of(st.none(), some.map(tuple)), min_size=N, max_size=N))
    splits = data.draw(st.lists(st.sampled_from(["pool", "test", "validation"]), min_size=N, max_size=N))
    records = [Record(f"in/{at}.png", wanted[at], at, split=splits[at]) for at in range(N)]
    file = tmp_path / f"out{FORMATS[kind].ending}"
    written(kind, records, images.manifest, images, file)
    more = {"multilabel": several} if kind in ("coco", "cvat") else {}
    found = told(READERS[kind](path=str(file), classes=CLASSES, **OPTIONS, **more))
    in_order = [None if names is None else tuple(name for name in CLASSES if name in names) for names in wanted]
    labels = in_order if several else [names and names[0] for names in in_order]
    assert found == [(f"{at}.png", labels[at], splits[at]) for at in range(N)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(data=st.data())
def test_folders_come_back_with_the_pictures_as_they_were(source, tmp_path, data):
    images = source(Task.MULTICLASS, FOLDERS)
    wanted = data.draw(st.lists(st.sampled_from([None, *FOLDERS]), min_size=N, max_size=N))
    splits = data.draw(st.lists(st.sampled_from(["pool", "test", "validation"]), min_size=N, max_size=N))
    records = [
        Record(f"in/{at}.png", None if name is None else (name,), at, split=splits[at])
        for at, name in enumerate(wanted)
    ]
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    written("image_folder", records, images.manifest, images, tmp_path / "out")
    back = ImageFolder(root=str(tmp_path / "out"), classes=FOLDERS, **OPTIONS)
    assert told(back) == [(f"{at}.png", wanted[at], splits[at]) for at in range(N)]
    order = [int(path[-5]) for path in back.manifest.paths]
    assert np.array_equal(back.read(np.arange(N)), images.read(np.array(order)))


def test_what_a_format_cannot_hold_is_refused(source, tmp_path):
    images = source(Task.MULTILABEL, ("dog", "none"))
    records = [Record("in/0.png", (), 0, split="pool"), Record("in/1.png", ("none",), 1, split="pool")]
    with pytest.raises(FormatError, match="would take for the class 'none'"):
        written("cvat", records, images.manifest, images, tmp_path / "o")
    with pytest.raises(FormatError, match="several labels"):
        written("image_folder", records, images.manifest, images, tmp_path / "out")
    images = source(Task.MULTICLASS, ("dog", "../cat"))
    with pytest.raises(FormatError, match="cannot name a folder"):
        written("image_folder", [], images.manifest, images, tmp_path / "out")
    images = source(Task.MULTICLASS)
    with pytest.raises(FormatError, match="no longer among the data"):
        written(
            "image_folder",
            [Record("gone.png", ("dog",), split="pool")],
            source(Task.MULTICLASS, FOLDERS).manifest,
            images,
            tmp_path / "o",
        )

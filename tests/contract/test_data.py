"""What every source keeps, read from conf/data/*.yaml: a new yaml is tested the moment it exists."""

import csv
import dataclasses

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from poolwise.core.interfaces import ImageSource
from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import Split
from poolwise.data.formats import coco, cvat
from poolwise.data.formats.record import Record

NAMES = sorted(file.stem for file in (conf_dir() / "data").glob("*.yaml"))
FILES = ["image_folder", "manifest", "coco", "cvat"]


@pytest.fixture
def build(tmp_path):
    """Builds a source by the name of its yaml, on small files made for it; skips what needs an original archive."""

    def make(name, **options):
        node = OmegaConf.load(conf_dir() / "data" / f"{name}.yaml")
        setting = PREPARE.get(name, lambda root: {"root": str(root)} if "root" in node else {})(tmp_path)
        small = {key: value for key, value in {"image_size": 8}.items() if key in node}
        return build_part(OmegaConf.merge(node, setting, small, options), where="data")

    return make


def pictures(root):
    for at in range(12):
        file = root / ("cat", "dog")[at % 2] / f"{at:02d}.png"
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            Image.new("RGB", (10 + at, 12), (20 * at, 0, 255)).save(file)
    return {"root": str(root)}


def table(root):
    pictures(root)
    with (root / "items.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["path", "label"])
        rows.writerows([f"{kind}/{file.name}", kind] for kind in ("cat", "dog") for file in (root / kind).iterdir())
    return {"path": str(root / "items.csv")}


def idx(folder):
    def prepare(root):
        (root / folder).mkdir(exist_ok=True)
        for part, count in (("train", 20), ("t10k", 10)):
            for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
                values = np.arange(int(np.prod(shape))) % (251 if len(shape) == 3 else 10)
                sizes = b"".join(size.to_bytes(4, "big") for size in shape)
                content = bytes([0, 0, 8, len(shape)]) + sizes + values.astype(np.uint8).tobytes()
                (root / folder / f"{part}-{kind}-ubyte").write_bytes(content)
        return {"root": str(root)}

    return prepare


def other_labels(root):
    (root / "labels.csv").write_text("path,label\n" + "".join(f"digits/{at:05d},{at % 10}\n" for at in range(90)))
    return {"path": str(root / "labels.csv")}


def annotated(module, name):
    def prepare(root):
        pictures(root)
        records = [
            Record(f"{kind}/{file.name}", (kind,)) for kind in ("cat", "dog") for file in (root / kind).iterdir()
        ]
        (root / name).write_text(module.write(records, ["dog", "cat"]))
        return {"path": str(root / name)}

    return prepare


PREPARE = {"image_folder": pictures, "manifest": table, "relabelled": other_labels}
PREPARE |= {"coco": annotated(coco, "items.json"), "cvat": annotated(cvat, "items.xml")}
PREPARE |= {n: idx(n) for n in ("mnist", "fashion_mnist", "kmnist")}
ARCHIVES = {"cifar10", "cifar100", "svhn", "cifar10_sheets"}
"""Read from real or imitated archives in tests/data; here only built."""
READY = [name for name in NAMES if name not in ARCHIVES]


@pytest.mark.parametrize("name", NAMES)
def test_the_yaml_builds_and_tells_every_option_with_its_default(name):
    node = OmegaConf.load(conf_dir() / "data" / f"{name}.yaml")
    source = build_part(node, where="data")
    settings = (field for field in dataclasses.fields(source) if field.metadata.get("setting", True))
    assert {field.name for field in settings} == set(node) - {"_target_"}
    if name not in {"fashion_mnist", "kmnist", "cifar10", "cifar100", "svhn"}:  # one class, several sets
        assert source == type(source)()


@pytest.mark.parametrize("name", READY)
def test_ids_are_positions_in_sorted_distinct_paths(build, name):
    manifest = build(name).manifest
    assert list(manifest.paths) == sorted(set(manifest.paths))
    assert len(manifest.splits) == len(manifest.labels) == len(manifest) > 0
    ids = np.concatenate([manifest.ids(split) for split in Split])
    assert sorted(ids.tolist()) == list(range(len(manifest)))
    assert len(manifest.ids(Split.TEST)) > 0
    assert len(manifest.contents) == 64


@pytest.mark.parametrize("name", READY)
def test_read_gives_bytes_of_the_shape_told_in_the_order_asked(build, name):
    source = build(name)
    assert isinstance(source, ImageSource)
    ids = np.array([5, 0, 5])
    pixels = source.read(ids)
    assert pixels.shape == (3, *source.shape)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.concatenate([source.read(ids[at : at + 1]) for at in range(3)]))
    assert source.read(ids[:0]).shape == (0, *source.shape)
    file = source.file(0)
    assert file is None or file.is_file()
    assert source.unreadable() == []
    assert 0 <= source.max_unreadable <= 1


@pytest.mark.parametrize("name", READY)
def test_hidden_labels_are_not_in_the_manifest(build, name):
    source = dataclasses.replace(build(name), hide_labels=True)
    pool = source.manifest.ids(Split.POOL)
    assert not source.manifest.known()[pool].any()
    assert source.manifest.known()[source.manifest.ids(Split.TEST)].all()
    shown = dataclasses.replace(source, hide_labels=False)
    assert np.array_equal(shown.manifest.labels, source.hidden_labels())
    assert (shown.hidden_labels()[pool] >= 0).all()
    assert np.array_equal(shown.manifest.splits, source.manifest.splits)


@pytest.mark.parametrize("name", READY)
def test_the_same_data_have_the_same_digest(build, name):
    assert build(name).manifest.digests() == build(name).manifest.digests()


def test_a_changed_label_path_or_split_changes_its_digest(build, tmp_path):
    before = build("manifest").manifest.digests()
    text = (tmp_path / "items.csv").read_text()
    changes = {
        "labels": text.replace("00.png,cat", "00.png,dog"),
        "paths": text.replace("cat/00.png", "cat/renamed.png"),
        "splits": text.replace("path,label", "path,label,split").replace("00.png,cat", "00.png,cat,test"),
        "pictures": text,
    }
    (tmp_path / "cat/renamed.png").write_bytes((tmp_path / "cat/00.png").read_bytes())
    for part, changed in changes.items():
        (tmp_path / "changed.csv").write_text(changed)
        if part == "pictures":
            Image.new("RGB", (300, 200)).save(tmp_path / "cat/00.png")
        after = build("manifest", path=str(tmp_path / "changed.csv")).manifest.digests()
        assert after[part] != before[part], part


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("cache_mb", [0, 100])
def test_a_broken_file_is_listed(build, tmp_path, name, cache_mb):
    source = build(name, cache_mb=cache_mb)
    (tmp_path / "dog" / "03.png").write_bytes(b"broken")
    assert [(source.manifest.paths[at], bool(why)) for at, why in source.unreadable()] == [("dog/03.png", True)]

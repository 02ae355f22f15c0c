import os

import numpy as np
import pytest

from poolwise.core.errors import ConfigError, DataError, UnknownLabel, UnreadableImages
from poolwise.core.types import Split
from poolwise.data.image_folder import ImageFolder


def source(root, **options):
    return ImageFolder(root=str(root), **{"image_size": 4, "test_fraction": 0.0, **options})


def given(manifest):
    return {path: int(label) for path, label in zip(manifest.paths, manifest.labels, strict=True)}


def test_class_folders_and_unlabelled_pictures_are_told_apart(folder):
    manifest = source(folder).manifest
    assert manifest.classes == ("cat", "dog")
    assert manifest.paths == tuple(sorted(manifest.paths))
    assert given(manifest) == {
        **{f"cat/{at}.png": 0 for at in range(3)},
        **{f"dog/deep/{at}.jpg": 1 for at in range(3)},
        "loose.png": -1,
        "unlabelled/x.bmp": -1,
    }


def test_split_folders_are_recognised(tmp_path, picture):
    for place in ("train/a", "train/b", "train/unlabeled", "val/a", "test/b"):
        picture(tmp_path / place / "1.png")
    picture(tmp_path / "train/2.png")
    manifest = source(tmp_path).manifest
    assert manifest.classes == ("a", "b")
    assert [len(manifest.ids(split)) for split in Split] == [4, 1, 1]
    assert given(manifest)["train/2.png"] == given(manifest)["train/unlabeled/1.png"] == -1


def test_a_class_called_train_must_be_named(folder, picture):
    picture(folder / "train/1.png")
    with pytest.raises(DataError, match=r"class or a split.*cat,dog,train"):
        _ = source(folder).manifest
    manifest = source(folder, classes=("cat", "dog", "train")).manifest
    assert given(manifest)["train/1.png"] == 2


def test_test_beside_class_folders_is_a_split(folder, picture):
    picture(folder / "test/cat/1.png")
    manifest = source(folder).manifest
    assert manifest.classes == ("cat", "dog")
    assert [manifest.paths[at] for at in manifest.ids(Split.TEST)] == ["test/cat/1.png"]


def test_an_empty_class_folder_names_a_class(folder):
    (folder / "bird").mkdir()
    assert source(folder).manifest.classes == ("bird", "cat", "dog")


def test_a_class_list_fixes_names_and_order(folder):
    manifest = source(folder, classes=("dog", "cat", "bird")).manifest
    assert manifest.classes == ("dog", "cat", "bird")
    assert given(manifest)["dog/deep/0.jpg"] == 0
    with pytest.raises(UnknownLabel, match=r"dog with 3 pictures.*data\.classes"):
        _ = source(folder, classes=("cat", "bird")).manifest


def test_hidden_and_foreign_files_are_left_alone(folder, picture):
    picture(folder / "cat/.hidden.png")
    picture(folder / "__MACOSX/cat/1.png")
    (folder / "cat/notes.txt").touch()
    assert len(source(folder).manifest) == 8


def test_pictures_all_unlabelled_need_a_class_list(tmp_path, picture):
    picture(tmp_path / "1.png")
    with pytest.raises(DataError, match=r"data\.classes=\[cat,dog\]"):
        _ = source(tmp_path).manifest
    manifest = source(tmp_path, classes=("cat", "dog"), test_fraction=0.2).manifest
    assert manifest.labels.tolist() == [-1]
    assert manifest.splits.tolist() == ["pool"]


def test_bad_roots_and_options_say_what_to_do(tmp_path, folder):
    for root, words in (
        ("", "data.root"),
        (folder / "none", "there is no folder"),
        (folder / "cat" / "x", "no folder"),
    ):
        with pytest.raises((DataError, ConfigError), match=words):
            _ = source(root).manifest
    (tmp_path / "void").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        _ = source(tmp_path / "void").manifest
    for wrong in ({"channels": 2}, {"image_size": 0}, {"test_fraction": 1.0}, {"workers": -1}, {"max_unreadable": 2.0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            source(folder, **wrong)


@pytest.mark.parametrize("classes", [("cat", " "), ("cat", "cat"), ("cat",)])
def test_blank_repeated_and_single_classes_are_refused(folder, classes):
    with pytest.raises((DataError, UnknownLabel)):
        _ = source(folder, classes=classes).manifest


def test_a_loop_of_links_ends(folder):
    os.symlink(folder / "cat", folder / "cat" / "again")
    assert len(source(folder).manifest) == 8


def test_a_file_name_that_is_not_utf8_is_named(folder):
    try:
        (folder / "cat" / os.fsdecode(b"\xff.png")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(DataError, match="UTF-8"):
        _ = source(folder).manifest


@pytest.mark.parametrize("cache_mb", [1024, 0])
def test_pictures_come_by_id_in_the_order_asked(folder, cache_mb):
    images = source(folder, cache_mb=cache_mb)
    assert images.in_memory == (cache_mb > 0)
    pixels = images.read(np.array([2, 0, 2]))
    assert pixels.shape == (3, *images.shape)
    assert pixels[:, 0, 0, 0].tolist() == [2, 0, 2]
    pixels[:] = 0  # a copy: the next reader is not harmed
    assert images.read(np.array([2]))[0, 0, 0, 0] == 2


@pytest.mark.parametrize("cache_mb", [1024, 0])
def test_broken_pictures_are_listed_and_refused_by_name(folder, cache_mb):
    (folder / "cat/1.png").write_bytes(b"x")
    (folder / "dog/deep/2.jpg").write_bytes((folder / "dog/deep/2.jpg").read_bytes()[:200])
    images = source(folder, cache_mb=cache_mb)
    seen = []
    found = images.unreadable(lambda *told: seen.append(told))
    assert [images.manifest.paths[at] for at, _ in found] == ["cat/1.png", "dog/deep/2.jpg"]
    assert seen[-1] == ("reading pictures", 8, 8)
    assert images.unreadable() == found
    with pytest.raises(UnreadableImages, match=r"cat/1\.png"):
        images.read(np.arange(8))


def test_after_the_search_pictures_come_from_memory(folder):
    images = source(folder)
    assert images.unreadable() == []
    for at in range(8):
        images.file(at).unlink()
    assert len(images.read(np.arange(8))) == 8


def test_streaming_keeps_no_pixels(folder):
    images = source(folder, cache_mb=0)
    images.unreadable()
    images.read(np.arange(8))
    assert images._decoder._kept.nbytes == 0


def test_a_changed_file_changes_the_digest_and_another_root_does_not(folder, tmp_path_factory, picture):
    before = source(folder).manifest.digest()
    assert source(folder).manifest.digest() == before
    elsewhere = tmp_path_factory.mktemp("moved") / "photos"
    os.rename(folder, elsewhere)
    assert source(elsewhere).manifest.digest() == before
    picture(elsewhere / "cat/1.png", size=(50, 60))
    assert source(elsewhere).manifest.digest() != before


def test_the_test_set_does_not_depend_on_hiding(folder):
    shown, hidden = source(folder, test_fraction=0.4), source(folder, test_fraction=0.4, hide_labels=True)
    assert shown.manifest.splits.tolist() == hidden.manifest.splits.tolist()
    assert hidden.manifest.known().tolist() == (hidden.manifest.splits == "test").tolist()
    assert hidden.hidden_labels().tolist() == shown.manifest.labels.tolist()

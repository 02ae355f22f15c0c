"""A batch goes out in each format, answers come back in it: what every annotator of files keeps."""

import json
import shutil
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from builders import Blobs
from poolwise.annotation.answers import choices, label_text
from poolwise.annotation.batch_files import batch_folder
from poolwise.annotation.coco import Coco
from poolwise.annotation.csv_files import CsvFiles
from poolwise.annotation.cvat import Cvat
from poolwise.annotation.image_folder import ImageFolder
from poolwise.annotation.json_lines import JsonLines
from poolwise.annotation.label_studio_files import LabelStudioFiles
from poolwise.annotation.reading import read_answers
from poolwise.core.errors import ConfigError, ConflictingAnswers, FormatError, UnknownLabel, UnknownSample
from poolwise.core.types import Ask, Batch, Task
from poolwise.data.formats import coco, cvat
from poolwise.data.formats.record import Record

CLASSES = ("cat", "dog", "=1+1 <b>")
KINDS = [CsvFiles, JsonLines, Coco, Cvat, LabelStudioFiles, ImageFolder]
FOLDERS = ("cat", "dog", "other")
"""Names that folders can have."""


def batch(folder, task=Task.MULTICLASS, classes=CLASSES):
    suggestion = "dog" if task is Task.MULTICLASS else ("dog",)
    asks = tuple(Ask(at, f"p/{at}.jpg", suggestion, 0.5, 0.25, "why", {"cluster": 4}) for at in (3, 8, 5))
    return Batch(3, asks, classes, task, folder)


def batch_for(kind, folder, task=Task.MULTICLASS):
    return batch(folder, task, FOLDERS if kind is ImageFolder else CLASSES)


def say(kind, asked, names):
    """Write answers into an emitted file, sample id -> names chosen, as a person or a tool would."""
    file = kind().file(asked)
    if kind is CsvFiles:
        lines = file.read_text().splitlines()
        file.write_text(
            "\n".join(
                f'{line}"{"|".join(names[int(line.split(",")[0])])}"' if at else line for at, line in enumerate(lines)
            )
        )
    elif kind is JsonLines:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text(
            "".join(
                json.dumps({**row, "label": None, "labels": names[row["sample_id"]] or None}) + "\n" for row in rows
            )
        )
    elif kind in (Coco, Cvat):
        write = {Coco: coco, Cvat: cvat}[kind].write
        records = [Record(f"sample_{at:07d}.png", tuple(chosen) or None) for at, chosen in names.items()]
        file.write_text(write(records, choices(asked)))
    elif kind is LabelStudioFiles:
        tasks = json.loads(file.read_text())
        for task in tasks:
            chosen = names[task["data"]["sample_id"]]
            skipped, none = chosen == ["skip"], chosen == ["none"]
            value = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": chosen}}
            task["annotations"] = (
                [{"result": [] if skipped or none else [value], "was_cancelled": skipped}] if chosen else []
            )
        file.write_text(json.dumps(tasks))
    else:
        for at, chosen in names.items():
            for name in chosen:
                shutil.copy(file / f"unlabelled/sample_{at:07d}.png", file / name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_that_went_out_holds_no_answer_not_even_the_suggestion(kind, tmp_path):
    asked = batch_for(kind, tmp_path)
    assert kind().collect(asked) == []
    assert "run the same command again" in kind().emit(asked, Blobs())
    assert kind().collect(asked) == []


@pytest.mark.parametrize("kind", KINDS)
def test_emitting_again_changes_no_file(kind, tmp_path):
    asked = batch_for(kind, tmp_path)
    message = kind().emit(asked, Blobs())
    say(kind, asked, {3: ["cat"], 8: ["dog"], 5: []})
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert kind().emit(asked, Blobs()) == message
    assert before == {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert {answer.sample_id: answer.label for answer in kind().collect(asked)} == {3: "cat", 8: "dog"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", list(Task))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=12)
@given(data=st.data())
def test_any_answers_come_back_as_given(kind, task, tmp_path, data):
    asked = batch_for(kind, tmp_path, task)
    shutil.rmtree(tmp_path / "batches", ignore_errors=True)
    names = st.sampled_from(asked.classes)
    several = task is Task.MULTILABEL
    some = st.lists(names, min_size=1, unique=True) if several else names.map(lambda name: [name])
    special = st.sampled_from([["skip"], [], ["none"]] if several else [["skip"], []])
    said = {at: data.draw(st.one_of(some, special)) for at in asked.ids()}
    kind().emit(asked, Blobs())
    say(kind, asked, said)
    texts = {answer.sample_id: label_text(answer.label) for answer in kind().collect(asked)}
    in_order = {at: "|".join(name for name in (*asked.classes, "skip", "none") if name in said[at]) for at in said}
    assert texts == {at: text for at, text in in_order.items() if text}


@pytest.mark.parametrize("kind", KINDS)
def test_who_answered_is_the_option_else_the_name_of_the_format(kind, tmp_path):
    asked = batch_for(kind, tmp_path)
    kind().emit(asked, Blobs())
    say(kind, asked, {3: ["cat"], 8: [], 5: []})
    assert [answer.annotator for answer in kind().collect(asked)] == [kind.source]
    assert [answer.annotator for answer in kind(annotator="ann").collect(asked)] == ["ann"]
    with pytest.raises(ConfigError, match="one of wait, train"):
        kind(partial="never")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not ImageFolder])
def test_a_name_that_is_no_class_is_refused_and_nothing_is_taken(kind, tmp_path):
    asked = batch(tmp_path)
    kind().emit(asked, Blobs())
    wide = replace(asked, classes=(*CLASSES, "cow"))
    say(kind, wide, {3: ["cat"], 8: ["cow"], 5: []})
    with pytest.raises(UnknownLabel, match="'cow' is not a class; the classes are cat"):
        kind().collect(asked)


def test_a_picture_in_two_folders_has_two_classes_or_none(tmp_path):
    asked = batch(tmp_path, classes=FOLDERS)
    ImageFolder().emit(asked, Blobs())
    say(ImageFolder, asked, {3: ["cat", "dog"]})
    with pytest.raises(UnknownLabel, match="cat, dog was chosen"):
        ImageFolder().collect(asked)


def test_a_picture_that_was_lost_from_the_folders_comes_back(tmp_path):
    asked = batch(tmp_path, classes=FOLDERS)
    ImageFolder().emit(asked, Blobs())
    unsorted = batch_folder(asked) / "unlabelled"
    (unsorted / "sample_0000003.png").rename(batch_folder(asked) / "dog/sample_0000003.png")
    (unsorted / "sample_0000008.png").unlink()
    ImageFolder().emit(asked, Blobs())
    assert sorted(file.name for file in unsorted.iterdir()) == ["sample_0000005.png", "sample_0000008.png"]


def test_classes_that_cannot_name_a_folder_are_refused(tmp_path):
    with pytest.raises(FormatError, match="cannot name a folder"):
        ImageFolder().emit(batch(tmp_path, classes=("../cat", "dog")), Blobs())
    assert not (tmp_path / "batches/cat").exists()


def paths(*names):
    return Batch(0, tuple(Ask(at, name) for at, name in enumerate(names)), ("cat", "dog"), Task.MULTICLASS, None)


def read(tmp_path, asked, *names):
    file = tmp_path / "export.json"
    file.write_text(coco.write([Record(name, ("cat",)) for name in names], ["cat"]))
    return [answer.sample_id for answer in read_answers(file, asked)]


def test_tools_that_keep_names_alone_are_understood_by_the_end_of_the_path(tmp_path):
    asked = paths("a/1.jpg", "b/1.jpg", "c/2.jpg")
    assert read(tmp_path, asked, "2.jpg", "uploads/b/1.jpg", "data/sample_0000000.png") == [2, 1, 0]


def test_a_name_that_fits_several_samples_or_none_is_refused(tmp_path):
    asked = paths("a/1.jpg", "b/1.jpg", "x/sample_0000000.jpg")
    for name in ("1.jpg", "sample_0000000.jpg"):
        with pytest.raises(UnknownSample, match="fit several samples"):
            read(tmp_path, asked, name)
    with pytest.raises(UnknownSample, match=r"did not ask for: 3\.jpg"):
        read(tmp_path, asked, "3.jpg")


def test_two_answers_to_one_sample_in_a_file_are_refused(tmp_path):
    asked = batch(tmp_path)
    JsonLines().file(asked).parent.mkdir()
    JsonLines().file(asked).write_text('{"sample_id": 3, "label": "cat"}\n{"sample_id": 3, "label": "dog"}\n')
    with pytest.raises(ConflictingAnswers, match="sample 3 twice: 'cat' and, in line 2, 'dog'"):
        JsonLines().collect(asked)


def test_pictures_go_out_as_they_are_with_their_size(tmp_path):
    Image.new("RGB", (20, 10)).save(tmp_path / "one.jpg")

    class Photo(Blobs):
        def file(self, sample_id):
            return tmp_path / "one.jpg"

    asked = batch(tmp_path)
    Coco().emit(asked, Photo())
    found = coco.read(Coco().file(asked).read_bytes(), "x")
    assert next((row.path, row.size) for row in found.images.values()) == ("sample_0000003.jpg", (20, 10))
    assert (batch_folder(asked) / "sample_0000003.jpg").read_bytes() == (tmp_path / "one.jpg").read_bytes()
    assert list(found.categories.values()) == [*CLASSES, "skip"]
    LabelStudioFiles().emit(asked, Photo())
    (task, *_) = json.loads(LabelStudioFiles().file(asked).read_text())
    assert task["data"]["image"].startswith("data:image/jpeg;base64,")
    assert task["predictions"][0]["score"] == 0.5
    assert LabelStudioFiles().file(asked).with_suffix(".xml").read_text().startswith("<View>")


def test_of_an_export_of_all_rounds_those_of_the_round_are_taken(tmp_path):
    asked = batch(tmp_path)
    LabelStudioFiles().emit(asked, Blobs())
    say(LabelStudioFiles, asked, {3: ["cat"], 8: [], 5: []})
    file = LabelStudioFiles().file(asked)
    tasks = json.loads(file.read_text())
    other = {**tasks[0], "data": {**tasks[0]["data"], "round": 2, "sample_id": 99}}
    file.write_text(json.dumps([*tasks, other]))
    assert [answer.sample_id for answer in LabelStudioFiles().collect(asked)] == [3]


def test_a_number_of_another_run_that_means_another_picture_is_refused(tmp_path):
    asked = paths("a/1.jpg", "b/2.jpg")
    (tmp_path / "other.jsonl").write_text('{"sample_id": 1, "path": "b/1.jpg", "label": "cat"}')
    with pytest.raises(UnknownSample, match=r"did not ask for: 1 \(b/1\.jpg\)"):
        read_answers(tmp_path / "other.jsonl", asked)
    (tmp_path / "same.jsonl").write_text('{"sample_id": 1, "path": "elsewhere/2.jpg", "label": "cat"}')
    assert [answer.sample_id for answer in read_answers(tmp_path / "same.jsonl", asked)] == [1]

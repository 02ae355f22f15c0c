import csv

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import Blobs
from poolwise.annotation.answers import label_text
from poolwise.annotation.csv_files import CsvFiles, batch_file
from poolwise.core.errors import AnnotationError, ConflictingAnswers, UnknownLabel, UnknownSample
from poolwise.core.types import Ask, Batch, Task

CLASSES = ("cat", "dog", "=1+1")


def batch(folder, task=Task.MULTICLASS):
    asks = tuple(
        Ask(at, f"p/{at}", "dog" if task is Task.MULTICLASS else ("dog",), 0.5, 0.25, 'why, "so"') for at in (3, 8, 5)
    )
    return Batch(3, asks, CLASSES, task, folder)


def written(folder, text):
    asked = batch(folder)
    CsvFiles().emit(asked, Blobs())
    batch_file(asked).write_bytes(text.encode() if isinstance(text, str) else text)
    return [(answer.sample_id, answer.label) for answer in CsvFiles().collect(asked)]


def test_the_file_has_a_row_for_each_sample_and_an_empty_label(tmp_path):
    message = CsvFiles().emit(batch(tmp_path), Blobs())
    with (tmp_path / "batches/round_003.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sample_id"] for row in rows] == ["3", "8", "5"]
    assert {row["label"] for row in rows} == {""}
    assert rows[0]["suggested"] == "dog"
    assert "round_003.csv" in message
    assert CsvFiles().collect(batch(tmp_path)) == []


def test_emitting_again_keeps_what_people_wrote(tmp_path):
    assert written(tmp_path, "sample_id,label\n3,cat\n") == [(3, "cat")]
    CsvFiles().emit(batch(tmp_path), Blobs())
    assert len(CsvFiles().collect(batch(tmp_path))) == 1


def test_pictures_without_a_file_are_written_beside_the_batch(tmp_path):
    CsvFiles().emit(batch(tmp_path), Blobs())
    assert len(list((tmp_path / "batches/round_003").glob("*.png"))) == 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sample_id,label\n3,cat\n8,skip\n5,\n", [(3, "cat"), (8, None)]),
        ("\ufeffsample_id;label\r\n3;DOG\r\n\r\n", [(3, "dog")]),
        ("label\tsample_id\n cat \t8\n", [(8, "cat")]),
        ("sample_id,label\n3,cat\n3,cat\n", [(3, "cat")]),
    ],
)
def test_spreadsheet_habits_are_understood(tmp_path, text, found):
    assert written(tmp_path, text) == found


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("sample_id,label\n99,cat\n", UnknownSample, "did not ask for: 99"),
        ("sample_id,label\nx,cat\n", UnknownSample, "x"),
        ("sample_id,label\n²,cat\n", UnknownSample, "²"),
        ("sample_id,label\n3,cat\n3,dog\n", ConflictingAnswers, "sample 3 twice: 'cat' and, in line 3, 'dog'"),
        ("sample_id,label\n3,cow\n", UnknownLabel, "line 2: 'cow' is not a class; the classes are cat, dog"),
        ("id,label\n3,cat\n", AnnotationError, "no column sample_id"),
        (b"sample_id,label\n3,\xff\n", AnnotationError, "not UTF-8"),
        ("", AnnotationError, "no column"),
    ],
)
def test_what_cannot_be_taken_is_named(tmp_path, text, error, match):
    with pytest.raises(error, match=match):
        written(tmp_path, text)


def test_a_file_that_is_gone_holds_no_answers(tmp_path):
    assert CsvFiles().collect(batch(tmp_path)) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.one_of(st.none(), st.sets(st.sampled_from(CLASSES))), min_size=3, max_size=3))
def test_any_multi_label_answers_come_back_as_written(tmp_path, chosen):
    asked = batch(tmp_path, Task.MULTILABEL)
    labels = [None if names is None else tuple(name for name in CLASSES if name in names) for names in chosen]
    batch_file(asked).parent.mkdir(exist_ok=True)
    with batch_file(asked).open("w", newline="") as file:
        csv.writer(file).writerows([("sample_id", "label"), *zip(asked.ids(), map(label_text, labels), strict=True)])
    assert [answer.label for answer in CsvFiles().collect(asked)] == labels

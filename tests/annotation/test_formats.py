"""A new format is one module and one row in the table."""

from pathlib import Path

import pytest

from builders import Blobs
from poolwise.annotation.formats import FORMATS, Format, by_ending, format_of
from poolwise.annotation.reading import read_answers
from poolwise.core.errors import FormatError
from poolwise.core.types import Ask, Batch, Task

MODULE = """
from poolwise.data.formats.record import Record

def read(file, batch):
    return [Record(*line.split("=")[:1], (line.split("=")[1],), where=str(file)) for line in file.read_text().split()]

def write(records, manifest, images, out):
    out.write_text(" ".join(f"{row.path}={row.names[0]}" for row in records if row.names))

class Toy:
    pass
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    (tmp_path / "toy_format.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    names = {name: f"toy_format:{name}" for name in ("read", "write")}
    row = Format(ending=".toy", endings=(".toy",), annotator="toy_format:Toy", **names)
    monkeypatch.setitem(FORMATS, "toy", row)
    return row


def test_a_format_is_one_module_and_one_row(tmp_path, toy):
    images, out = Blobs(), tmp_path / "labels.toy"
    batch = Batch(0, (Ask(1, images.manifest.paths[1]),), ("cat", "dog"), Task.MULTICLASS, tmp_path)
    out.write_text(f"{images.manifest.paths[1]}=dog")
    assert format_of(out) == "toy"
    (answer,) = read_answers(out, batch)
    assert (answer.sample_id, answer.label, answer.annotator) == (1, "dog", "toy")
    toy.load("write")(toy.load("read")(out, batch), images.manifest, images, out)
    assert out.read_text() == f"{images.manifest.paths[1]}=dog"


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_row_names_is_there(name):
    row = FORMATS[name]
    assert callable(row.load("read"))
    assert callable(row.load("write"))
    assert row.load("annotator").source == name
    assert all(name in by_ending(Path(f"x{ending}")) for ending in row.endings)
    assert not row.ending or row.ending.endswith(row.endings[0])


def test_other_endings_are_refused_by_name(tmp_path):
    (tmp_path / "labels.xlsx").write_text("")
    with pytest.raises(FormatError, match=r"has the ending '\.xlsx'; answers are read from \.csv, \.json, "):
        format_of(tmp_path / "labels.xlsx")

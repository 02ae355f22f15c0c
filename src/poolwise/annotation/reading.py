"""Answers from a file of any format; which one it is, its ending and its beginning tell."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from poolwise.annotation.answers import PICTURE, answers_from
from poolwise.core.errors import AnnotationError, FormatError, listed
from poolwise.core.types import Answer, Batch, Task
from poolwise.data.formats import coco, cvat, jsonl, label_studio
from poolwise.data.formats.parsing import as_id, content_of, parse_json
from poolwise.data.formats.record import Record

MOST_BYTES = 2**29
"""Of one file of answers; with pictures embedded, half a million of them."""
UNSORTED = "unlabelled"
"""Where an answer by folders begins."""
Reader = Callable[[Path, Batch], list[Record]]


def read_answers(file: Path, batch: Batch, annotator: str = "") -> list[Answer]:
    """The answers of one file or folder, checked as a whole before any is taken.

    Args:
        file: in any format that `annotation=` writes.
        batch: that was asked.
        annotator: who answered, where the file does not say; "" takes the name of the format.

    Raises:
        FormatError, AnnotationError: it cannot be read.
        UnknownSample, ConflictingAnswers, UnknownLabel: what it says cannot be taken; nothing was.
    """
    name = format_of(file)
    return answers_from(READERS[name](file, batch), batch, str(file), annotator or name)


def format_of(file: Path) -> str:
    """The name of a file's format, one of `READERS`.

    Raises:
        FormatError: none of them.
    """
    if file.is_dir():
        return "image_folder"
    by_ending = {".jsonl": "jsonl", ".ndjson": "jsonl", ".xml": "cvat", ".csv": "csv", ".tsv": "csv", ".txt": "csv"}
    ending = file.suffix.lower()
    if ending in by_ending:
        return by_ending[ending]
    if ending == ".json":
        return _json_format(file)
    raise FormatError(
        f"{file} has the ending {ending or 'of no file'!r}; answers are read from .csv, .jsonl, .json (COCO, Label Studio), "
        ".xml (CVAT) and folders. Exports in an archive are unpacked first."
    )


def _json_format(file: Path) -> str:
    whole = parse_json(content_of(file, MOST_BYTES), str(file))
    if isinstance(whole, dict) and "images" in whole:
        return "coco"
    if isinstance(whole, list):
        return "label_studio"
    raise FormatError(f"{file} is neither a COCO file (an object with images) nor a list of Label Studio's tasks.")


def _csv(file: Path, batch: Batch) -> list[Record]:
    return [_row(row, line, file, batch) for line, row in _rows(file)]


def _row(row: dict[str, str], line: int, file: Path, batch: Batch) -> Record:
    text = row["label"].strip()
    sample_id = as_id(row["sample_id"].strip())
    names: tuple[str, ...] | None = None
    if text:
        several = batch.task is Task.MULTILABEL
        names = tuple(name.strip() for name in text.split("|") if name.strip()) if several else (text,)
    # an id that is none is told as it stands; beside one, the path is a spreadsheet's to spoil
    path = row["sample_id"].strip() if sample_id == -1 else row.get("path", "") if sample_id is None else ""
    return Record(path, names, sample_id, row.get("annotator", "").strip(), where=f"{file}, line {line}")


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, row) of a table; a byte-order mark, semicolons and Windows newlines are a spreadsheet's habits."""
    try:
        text = content_of(file, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnnotationError(
            f"{file} is not UTF-8 ({error.reason} at byte {error.start}); save it as CSV UTF-8."
        ) from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    missing = {"sample_id", "label"} - set(reader.fieldnames or ())
    if missing:
        raise AnnotationError(
            f"{file} has no column {listed(sorted(missing))}; its first line is {first.strip()[:80]!r}."
        )
    for row in reader:
        if any(value for value in row.values() if isinstance(value, str) and value.strip()):
            yield reader.line_num, {str(key): value if isinstance(value, str) else "" for key, value in row.items()}


def _jsonl(file: Path, batch: Batch) -> list[Record]:
    return jsonl.read(content_of(file, MOST_BYTES), str(file))


def _coco(file: Path, batch: Batch) -> list[Record]:
    return coco.read(content_of(file, MOST_BYTES), str(file)).pictures()


def _cvat(file: Path, batch: Batch) -> list[Record]:
    return cvat.read(content_of(file, MOST_BYTES), str(file))[0]


def _label_studio(file: Path, batch: Batch) -> list[Record]:
    """Of the tasks of a run's project those of the round: its export holds all of them."""
    found = label_studio.read(content_of(file, MOST_BYTES), str(file))
    return [record for record in found if record.details.get("round", batch.round) == batch.round]


def _image_folder(folder: Path, batch: Batch) -> list[Record]:
    """Our pictures in folders named after classes; one in several folders has several. Deeper folders are only places."""
    found: dict[str, list[str]] = {}
    for place, inner, files in os.walk(folder):
        inner.sort()
        inside = Path(place).relative_to(folder).parts
        for name in sorted(files):
            if PICTURE.search(Path(name).stem):
                found.setdefault(name, []).extend(inside[:1] if inside and inside[0] != UNSORTED else [])
    return [
        Record(name, tuple(dict.fromkeys(names)) or None, where=f"{folder}, {name}") for name, names in found.items()
    ]


READERS: dict[str, Reader] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "coco": _coco,
    "cvat": _cvat,
    "label_studio": _label_studio,
    "image_folder": _image_folder,
}
"""Name of a format, which is also the source under which the ledger keeps its answers."""

"""Batches as CSV files that people fill in, with a spreadsheet or anything else."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from poolwise.annotation.answers import label_text
from poolwise.annotation.batch_files import BatchFiles, batch_folder, classes_told
from poolwise.annotation.formats import MOST_BYTES
from poolwise.annotation.pictures import place_of, where_it_lies
from poolwise.core.errors import AnnotationError, listed
from poolwise.core.files import write_text
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch, Manifest, Task
from poolwise.data.formats.parsing import as_id, content_of
from poolwise.data.formats.record import Record

COLUMNS = ("sample_id", "path", "suggested", "probability", "score", "reason")
"""Followed by what else is known of the picks (cluster, nearest labelled sample, ...) and, last, `label`."""


@dataclass(frozen=True, kw_only=True)
class CsvFiles(BatchFiles):
    """Writes `batches/round_003.csv` and reads the column `label` back; a column `annotator` goes before the option.

    Pictures that have no file of their own (packed data sets) are written beside it as PNG.
    """

    source: ClassVar[str] = "csv"

    def _content(self, batch: Batch, images: ImageSource) -> str:
        folder = batch_folder(batch)
        return _table(batch, {ask.sample_id: str(where_it_lies(ask.sample_id, images, folder)) for ask in batch.asks})

    def _told(self, batch: Batch, file: Path) -> str:
        several = "; several with |, none for no class" if batch.task is Task.MULTILABEL else ""
        return f"Fill in the column `label` of {file} ({classes_told(batch)}{several}; or skip)"


def batch_file(batch: Batch) -> Path:
    """Return where a round's file lies."""
    return CsvFiles().file(batch)


def _table(batch: Batch, pictures: Mapping[int, str]) -> str:
    out = io.StringIO()
    known = (*COLUMNS, "annotator", "label")
    details = [name for name in dict.fromkeys(name for ask in batch.asks for name in ask.details) if name not in known]
    writer = csv.DictWriter(out, [*COLUMNS, *details, "label"], lineterminator="\r\n")
    writer.writeheader()
    for ask in batch.asks:
        writer.writerow(
            {
                "sample_id": ask.sample_id,
                "path": pictures[ask.sample_id],
                "suggested": label_text(ask.suggestion) if ask.probability is not None else "",
                "probability": "" if ask.probability is None else f"{ask.probability:.3f}",
                "score": "" if ask.score is None else f"{ask.score:.4f}",
                "reason": ask.reason,
                **{name: ask.details.get(name, "") for name in details},
                "label": "",
            }
        )
    return out.getvalue()


NO_CLASS = "|"
"""How a manifest says "labelled, with none of the classes"; an empty cell is not labelled."""


def write(records: Sequence[Record], manifest: Manifest, images: ImageSource, out: Path) -> None:
    """Write all labels as a table that `data=manifest` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "labels" if manifest.task is Task.MULTILABEL else "label", "split"])
    writer.writerows((place_of(row, images), _cell(row.names), row.split) for row in records)
    write_text(out, text.getvalue())


def _cell(names: tuple[str, ...] | None) -> str:
    return "" if names is None else label_text(names) if names else NO_CLASS


def read(file: Path, batch: Batch) -> list[Record]:
    """Read the answers of a filled-in table.

    Raises:
        AnnotationError: it is no UTF-8, or lacks a column.
    """
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
    """Yield (line number, row) of a table; a byte-order mark, semicolons and Windows newlines are a spreadsheet's habits."""
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

"""The table of file formats: what `ingest` reads, `labels` writes, and the annotators of files use.

A new format is one module beside this file and one row here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.errors import FormatError, listed
from poolwise.core.table import Row

MOST_BYTES = 2**29
"""Of one file of answers; with pictures embedded, half a million of them."""


@dataclass(frozen=True, kw_only=True)
class Format(Row):
    """One format; its name in the table is also the source under which the ledger keeps answers.

    Attributes:
        ending: what stands behind the name of a file that is written; "" for a folder.
        endings: of files that are read, the most usual first.
        fits: whether a JSON document is in this format; None where the ending tells all.
        read: `(file, batch)` returns a record for each sample that the file speaks of.
        write: `(records, manifest, images, out)` writes all labels of a run.
        annotator: the class of `annotation=`.
    """

    ending: str
    endings: tuple[str, ...]
    fits: Callable[[Any], bool] | None = None
    read: str
    write: str
    annotator: str


def _row(module: str, annotator: str, ending: str, *endings: str, fits: Callable[[Any], bool] | None = None) -> Format:
    """Return the row of a format whose functions are called alike in its module."""
    place = f"poolwise.annotation.{module}"
    names = {"read": f"{place}:read", "write": f"{place}:write", "annotator": f"{place}:{annotator}"}
    return Format(ending=ending, endings=endings, fits=fits, **names)


FORMATS = {
    "csv": _row("csv_files", "CsvFiles", ".csv", ".csv", ".tsv", ".txt"),
    "jsonl": _row("json_lines", "JsonLines", ".jsonl", ".jsonl", ".ndjson"),
    "coco": _row(
        "coco", "Coco", ".coco.json", ".json", fits=lambda whole: isinstance(whole, dict) and "images" in whole
    ),
    "cvat": _row("cvat", "Cvat", ".cvat.xml", ".xml"),
    "label_studio": _row(
        "label_studio_files",
        "LabelStudioFiles",
        ".label_studio.json",
        ".json",
        fits=lambda whole: isinstance(whole, list),
    ),
    "image_folder": _row("image_folder", "ImageFolder", ""),
}


def by_ending(file: Path) -> list[str]:
    """Return the names of the formats that have files of this ending."""
    return [name for name, row in FORMATS.items() if file.suffix.lower() in row.endings]


def format_of(file: Path) -> str:
    """Return the name of the format of a file or a folder.

    Raises:
        FormatError: none of the table.
    """
    from poolwise.data.formats.parsing import content_of, parse_json

    if file.is_dir():
        return "image_folder"
    found = by_ending(file)
    if not found:
        endings = sorted({ending for row in FORMATS.values() for ending in row.endings})
        raise FormatError(
            f"{file} has the ending {file.suffix.lower() or 'of no file'!r}; answers are read from {listed(endings, 20)} "
            "(.json: COCO, Label Studio; .xml: CVAT) and folders. Exports in an archive are unpacked first."
        )
    if FORMATS[found[0]].fits is None:
        return found[0]
    whole = parse_json(content_of(file, MOST_BYTES), str(file))
    for name in found:
        if (fits := FORMATS[name].fits) and fits(whole):
            return name
    raise FormatError(f"{file} is neither a COCO file (an object with images) nor a list of Label Studio's tasks.")

"""Read a CSV, JSON Lines or Parquet file as rows that know their line."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.errors import DataError, listed
from poolwise.data.formats import jsonl
from poolwise.data.formats.parsing import content_of

KNOWN = ("path", "label", "labels", "split", "group")


@dataclass(frozen=True)
class Table:
    """Column names in lower case, and rows with a place for messages ("items.csv line 3")."""

    columns: tuple[str, ...]
    rows: list[tuple[dict[str, Any], str]]


def read_csv(file: Path) -> Table:
    """Return a CSV with a header line; the separator is a comma, semicolon or tab, whichever the header uses.

    Raises:
        DataError: empty, not UTF-8, or a line with more fields than the header.
    """
    text = _text_of(file)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        lines = [(line, reader.line_num) for line in reader if any(field.strip() for field in line)]
    except csv.Error as error:
        raise DataError(f"{file} line {reader.line_num} is no valid CSV: {error}.") from error
    if not lines:
        raise DataError(f"{file} is empty; it needs a header line with the column `path` and a line for each picture.")
    columns = _columns(lines[0][0], file)
    return Table(columns, [_row(columns, line, f"{file.name} line {at}") for line, at in lines[1:]])


def read_jsonl(file: Path) -> Table:
    """Return JSON Lines: an object a line; `file_name`, `image` and `filename` stand for `path`.

    Raises:
        FormatError: a line that is no object.
        DataError: a `label` that is a list.
    """
    rows, columns = [], dict[str, None]()
    for value, where in jsonl.lines(content_of(file), file.name):
        record = {name.strip().lower(): item for name, item in value.items()}
        record["path"] = next((record[name] for name in jsonl.PATHS if record.get(name)), None)
        if isinstance(record.get("label"), list):
            raise DataError(f"{where}: `label` is a list; where pictures have several, the key is `labels`.")
        columns.update(dict.fromkeys(record))
        rows.append((record, where))
    return Table(tuple(columns), rows)


def read_parquet(file: Path) -> Table:
    """Return a Parquet file; of columns beside the known ones, those of numbers, text and truth values.

    Raises:
        DataError: not a Parquet file.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(file)
        columns = _columns(schema.names, file)
        wanted = [
            field.name
            for field, column in zip(schema, columns, strict=True)
            if column in KNOWN or _is_plain(field.type)
        ]
        records = parquet.read_table(file, columns=wanted).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file} cannot be read as Parquet: {error}.") from error
    kept = [{name.strip().lower(): value for name, value in record.items()} for record in records]
    return Table(columns, [(record, f"{file.name} row {at}") for at, record in enumerate(kept, start=1)])


def _is_plain(kind: Any) -> bool:
    from pyarrow import types

    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_string, types.is_large_string)
    return any(test(kind) for test in tests)


def _text_of(file: Path) -> str:
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig")  # spreadsheets put a byte order mark in front
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{file} line {line} is not UTF-8 text; save the table as 'CSV UTF-8'.") from error


def _delimiter(text: str) -> str:
    header = text.lstrip().partition("\n")[0]
    return max(",;\t", key=header.count)


def _columns(header: list[str], file: Path) -> tuple[str, ...]:
    columns = tuple(name.strip().lower() for name in header)
    twice = [name for name, count in Counter(columns).items() if count > 1 and name in KNOWN]
    if twice:
        raise DataError(f"{file} has more than one column {listed(twice)}; keep one.")
    return columns


def _row(columns: tuple[str, ...], line: list[str], where: str) -> tuple[dict[str, Any], str]:
    if any(field.strip() for field in line[len(columns) :]):
        raise DataError(f"{where} has {len(line)} fields, the header {len(columns)}; quote fields that hold commas.")
    return dict(zip(columns, line, strict=False)), where

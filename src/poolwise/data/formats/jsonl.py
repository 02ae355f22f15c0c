"""JSON Lines: one object a line, with `path`, `label` (or `labels`, a list), and whatever else is known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from poolwise.core.errors import FormatError, listed
from poolwise.core.labels import Task
from poolwise.data.formats.parsing import as_id, as_text, parse_json, text_of
from poolwise.data.formats.record import Record

PATHS = ("path", "file_name", "image", "filename")
KNOWN = frozenset({"sample_id", "label", "labels", "annotator", "split", "group", *PATHS})


def write(records: Iterable[Record], task: Task) -> str:
    """Return a line for each picture; `label` (multi-label: `labels`) is null where nothing is said yet.

    >>> print(write([Record("a.jpg", ("cat",)), Record("b.jpg")], Task.MULTICLASS), end="")
    {"path": "a.jpg", "label": "cat"}
    {"path": "b.jpg", "label": null}
    """
    return "".join(f"{json.dumps(_line(record, task), ensure_ascii=False)}\n" for record in records)


def _line(record: Record, task: Task) -> dict[str, Any]:
    several = task is Task.MULTILABEL
    optional: dict[str, Any] = {
        "sample_id": record.sample_id,
        "path": record.place,
        "split": record.split or None,
        "suggested": None if record.suggested is None else list(record.suggested) if several else record.suggested[0],
        "probability": None if record.probability is None else round(record.probability, 4),
        "score": None if record.score is None else float(f"{record.score:.6g}"),
        "reason": record.reason or None,
        "annotator": record.annotator or None,
    }
    line = {key: value for key, value in optional.items() if value is not None}
    line |= {name: value for name, value in record.details.items() if name not in line and name not in KNOWN}
    names = record.names
    if several:
        return {**line, "labels": None if names is None else list(names)}
    return {**line, "label": names[0] if names else None}


def lines(content: bytes, where: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield (object, its place) of each line that is not blank.

    Raises:
        FormatError: a line that is no JSON object.
    """
    for at, line in enumerate(text_of(content, where).split("\n"), start=1):
        if line.strip():
            value = parse_json(line, f"{where}, line {at}")
            if not isinstance(value, dict):
                raise FormatError(f"{where}, line {at} is no object: {line.strip()[:60]!r}.")
            yield value, f"{where}, line {at}"


def read(content: bytes, where: str) -> list[Record]:
    """Return the pictures of a file.

    Raises:
        FormatError: a line that is no object, or names no picture, or whose label is none.
    """
    return [record_of(value, place) for value, place in lines(content, where)]


def record_of(value: Mapping[str, Any], where: str) -> Record:
    """Return the record of one line, or of one object of a list."""
    sample_id = as_id(value.get("sample_id"))
    path = next((as_text(value[key]) for key in PATHS if as_text(value.get(key))), "")
    if sample_id is None and not path:
        raise FormatError(f"{where} names no picture: it has neither sample_id nor path, only {listed(value)}.")
    names = names_in(value.get("labels", value.get("label")), where)
    return Record(path, names, sample_id, as_text(value.get("annotator")), as_text(value.get("split")), where=where)


def names_in(value: Any, where: str) -> tuple[str, ...] | None:
    """Return a label as it stands in JSON: null or "" for none yet, a name, or a list of names.

    Raises:
        FormatError: it is something else.
    """
    if value is None or value == "":
        return None
    names = [as_text(item) for item in (value if isinstance(value, list) else [value])]
    if not all(names):
        raise FormatError(f"{where}: the label {str(value)[:60]!r} is no name; it is a text, a list of texts, or null.")
    return tuple(dict.fromkeys(names))

"""JSON and XML from files that nobody vouches for: bounded, without entities, every failure a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from poolwise.core.errors import FormatError

MOST_BYTES = 2**30
"""COCO's own training annotations are half of this."""


def content_of(file: Path, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file.

    Raises:
        FormatError: there is no such file, or it is larger than `most`.
    """
    try:
        size = file.stat().st_size
        if not file.is_file():
            raise FormatError(f"{file} is no file.")
        if size > most:
            raise FormatError(
                f"{file} has {size / 2**20:.0f} MB, more than the {most / 2**20:.0f} that are read; divide it."
            )
        return file.read_bytes()
    except OSError as error:
        raise FormatError(f"{file} cannot be read: {error.strerror or error}.") from error


def text_of(content: bytes, where: str) -> str:
    """Return UTF-8 text, with or without a byte order mark, as a string."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{where} is not UTF-8 ({error.reason} at byte {error.start}).") from None


def parse_json(content: bytes | str, where: str) -> Any:
    """Return the value of a JSON text.

    >>> parse_json('{"a": [1]}', "x.json")
    {'a': [1]}

    Raises:
        FormatError: no JSON, or nested too deeply.
    """
    text = text_of(content, where) if isinstance(content, bytes) else content
    try:
        return json.loads(text)
    except RecursionError:
        raise FormatError(f"{where} is nested too deeply.") from None
    except ValueError as error:  # also numbers of thousands of digits
        raise FormatError(f"{where} is no JSON: {error}.") from None


def parse_xml(content: bytes, where: str) -> ElementTree.Element:
    """Return the root of an XML text. Without document types there are no entities to expand and nothing to fetch.

    Raises:
        FormatError: no XML, or one with a document type.
    """

    def refuse(*_: Any) -> None:
        raise FormatError(
            f"{where} declares a document type; files of labels need none. Remove the line <!DOCTYPE ...>."
        )

    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError) as error:  # the latter two: encodings
        raise FormatError(f"{where} is no XML: {error}.") from None


def as_text(value: Any) -> str:
    """Return a plain value as text: nothing for null, whole numbers as such; "" for whatever is no name.

    >>> as_text(3), as_text(" cat "), as_text(None), as_text(True), as_text([1])
    ('3', 'cat', '', '', '')
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value).strip()


def as_id(value: Any) -> int | None:
    """Return a sample id, or None; -1 for what is there and is none, so that it is reported as unknown.

    >>> as_id(3), as_id("12"), as_id(None), as_id("x"), as_id(True), as_id(1.5)
    (3, 12, None, -1, -1, -1)
    """
    if value is None or value == "":
        return None
    text = as_text(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1

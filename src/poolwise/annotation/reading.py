"""Answers from a file of any format; which one it is, its ending and its beginning tell."""

from __future__ import annotations

from pathlib import Path

from poolwise.annotation.answers import answers_from
from poolwise.annotation.formats import FORMATS, format_of
from poolwise.core.types import Answer, Batch


def read_answers(file: Path, batch: Batch, annotator: str = "") -> list[Answer]:
    """Return the answers of one file or folder, checked as a whole before any is taken.

    Args:
        file: in any format that `annotation=` writes.
        batch: that was asked.
        annotator: who answered, where the file does not say; "" takes the name of the format.

    Raises:
        FormatError, AnnotationError: it cannot be read.
        UnknownSample, ConflictingAnswers, UnknownLabel: what it says cannot be taken; nothing was.
    """
    name = format_of(file)
    return answers_from(FORMATS[name].load("read")(file, batch), batch, str(file), annotator or name)

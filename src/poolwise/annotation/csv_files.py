"""Batches as CSV files that people fill in, with a spreadsheet or anything else."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from poolwise.errors import AnnotationError, ConfigError, ConflictingAnswers, UnknownLabel, UnknownSample, listed
from poolwise.files import write_bytes, write_text
from poolwise.protocols import ImageSource
from poolwise.types import Answer, Ask, Batch, Label, Task

COLUMNS = ("sample_id", "path", "suggested", "probability", "score", "reason")
"""Followed by what else is known of the picks (cluster, nearest labelled sample, ...) and, last, `label`."""
SKIP = "skip"
NONE = "none"
"""In a multi-label file: answered, and no class applies. An empty cell is not answered yet."""


@dataclass(frozen=True)
class CsvFiles:
    """Writes `batches/round_003.csv` below the run folder and reads the `label` column back.

    Pictures that have no file of their own (packed data sets) are written beside it as PNG.

    Attributes:
        partial: "wait" until every row is answered or skipped, or "train" with the answers there are.
        annotator: the name under which answers are recorded; a column `annotator` in the file goes before it.
    """

    partial: str = "wait"
    annotator: str = ""

    simulated: ClassVar[bool] = False
    source: ClassVar[str] = "csv"

    def __post_init__(self) -> None:
        if self.partial not in ("wait", "train"):
            raise ConfigError(f"annotation.partial is {self.partial!r}; it is wait or train.")

    def emit(self, batch: Batch, images: ImageSource) -> str:
        """Write the file, unless it is there already (it may hold answers)."""
        file = batch_file(batch)
        if not file.exists():
            pictures = {ask.sample_id: _picture(ask, batch, images) for ask in batch.asks}
            write_text(file, _table(batch, pictures))
        return (
            f"Fill in the column `label` of {file} ({', '.join(batch.classes[:12])}{', ...' if len(batch.classes) > 12 else ''}"
            f"{'; several with |, none for no class' if batch.task is Task.MULTILABEL else ''}; or skip), "
            "then run the same command again."
        )

    def collect(self, batch: Batch) -> Sequence[Answer]:
        """All answers in the batch's file; empty cells are no answers yet, nor is a file that is gone.

        Raises:
            AnnotationError: the file is no such table.
            UnknownSample, ConflictingAnswers, UnknownLabel: its rows cannot be taken; none was.
        """
        file = batch_file(batch)
        if not file.exists():  # the caller has it written anew
            return []
        return read_answers(file, batch, self.annotator or "csv")


def batch_file(batch: Batch) -> Path:
    """Where a round's file lies."""
    return batch.folder / "batches" / f"round_{batch.round:03d}.csv"


def _picture(ask: Ask, batch: Batch, images: ImageSource) -> str:
    file = images.file(ask.sample_id)
    if file is not None:
        return str(file)
    import numpy as np
    from PIL import Image

    pixels = images.read(np.array([ask.sample_id]))[0]
    out = batch_file(batch).with_suffix("") / f"{ask.sample_id:07d}.png"
    buffer = io.BytesIO()
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    # Tiny pictures are shown at a size that a person can see.
    scale = max(1, 128 // max(picture.size))
    picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST).save(buffer, format="PNG")
    write_bytes(out, buffer.getvalue())
    return str(out)


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


def label_text(label: Label) -> str:
    """A label as it stands in a cell.

    >>> label_text(("cat", "dog")), label_text("cat"), label_text(()), label_text(None)
    ('cat|dog', 'cat', 'none', 'skip')
    """
    if label is None:
        return SKIP
    return label if isinstance(label, str) else "|".join(label) or NONE


def read_answers(file: Path, batch: Batch, annotator: str) -> list[Answer]:
    """The answers of one file, checked as a whole before any is taken."""
    rows = list(_rows(file))
    asked = set(batch.ids())
    unknown = [row["sample_id"] for _, row in rows if _id(row["sample_id"]) not in asked]
    if unknown:
        raise UnknownSample(
            f"{file} answers {len(unknown)} samples that round {batch.round} did not ask for: {listed(unknown)}; "
            f"{len(asked)} were asked. Remove those rows, or answer the file of the right round."
        )
    answers: dict[int, Answer] = {}
    for line, row in rows:
        text = row["label"].strip()
        if not text:
            continue
        answer = Answer(
            int(row["sample_id"]),
            _label(text, batch, f"{file}, line {line}"),
            row.get("annotator", "").strip() or annotator,
        )
        before = answers.setdefault(answer.sample_id, answer)
        if before.label != answer.label:
            raise ConflictingAnswers(
                f"{file} answers sample {answer.sample_id} twice: {label_text(before.label)!r} and, in line {line}, "
                f"{label_text(answer.label)!r}. Keep one of the rows."
            )
    return list(answers.values())


def _id(text: str) -> int:
    return int(text) if text.strip().isdecimal() else -1


def _rows(file: Path) -> Iterable[tuple[int, dict[str, str]]]:
    """(line number, row) of a table; a byte-order mark, semicolons and Windows newlines are a spreadsheet's habits."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
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


def _label(text: str, batch: Batch, where: str) -> Label:
    if text not in batch.classes and text.lower() == SKIP and SKIP not in map(str.lower, batch.classes):
        return None
    if batch.task is Task.MULTILABEL:
        if text.lower() == NONE and NONE not in batch.classes:
            return ()
        names = [name.strip() for name in text.split("|") if name.strip()]
        found = {_class(name, batch, where) for name in names}
        return tuple(name for name in batch.classes if name in found)
    return _class(text, batch, where)


def _class(name: str, batch: Batch, where: str) -> str:
    if name in batch.classes:
        return name
    alike = [known for known in batch.classes if known.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise UnknownLabel(f"{where}: {name!r} is no class; the classes are {listed(batch.classes, 20)}; or write skip.")

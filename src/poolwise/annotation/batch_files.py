"""What all batches in files share: one file a round, written once, read as often as asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

from poolwise.annotation.answers import NONE, SKIP, asked
from poolwise.annotation.formats import FORMATS
from poolwise.annotation.pictures import copied, pixel_size
from poolwise.annotation.reading import read_answers
from poolwise.core.files import write_text
from poolwise.core.interfaces import Annotator, ImageSource
from poolwise.core.ranges import Checked, OneOf
from poolwise.core.types import Answer, Batch, Task
from poolwise.data.formats.record import Record


@dataclass(frozen=True, kw_only=True)
class BatchFiles(Checked, Annotator):
    """Writes `batches/round_003.<ending>` below the run folder and reads the answers back from it.

    Attributes:
        partial: "wait" until every row is answered or skipped, or "train" with the answers there are.
        annotator: the name under which answers are recorded where the file does not say who.
    """

    partial: Annotated[str, OneOf("wait", "train")] = "wait"
    annotator: str = ""

    simulated: ClassVar[bool] = False
    source: ClassVar[str] = ""

    def file(self, batch: Batch) -> Path:
        """Return where a round's file lies."""
        return batch_folder(batch).with_name(f"round_{batch.round:03d}{FORMATS[self.source].ending}")

    def emit(self, batch: Batch, images: ImageSource) -> str:
        """Write the file, unless it is there already (it may hold answers)."""
        file = self.file(batch)
        if not file.exists():
            write_text(file, self._content(batch, images))
        return f"{self._told(batch, file)}, then run the same command again."

    def collect(self, batch: Batch) -> Sequence[Answer]:
        """Return all answers in the batch's file; what says nothing is no answer yet, nor is a file that is gone.

        Raises:
            AnnotationError, FormatError: the file is no such file.
            UnknownSample, ConflictingAnswers, UnknownLabel: its rows cannot be taken; none was.
        """
        file = self.file(batch)
        if not file.exists():  # the caller has it written anew
            return []
        return read_answers(file, batch, self.annotator)

    def _content(self, batch: Batch, images: ImageSource) -> str:
        raise NotImplementedError

    def _told(self, batch: Batch, file: Path) -> str:
        """Return what a person does with the file."""
        raise NotImplementedError


def copied_records(batch: Batch, images: ImageSource) -> list[Record]:
    """Return what goes out about each sample, with a copy of its picture in the batch's folder, named as there."""
    files = [copied(ask.sample_id, images, batch_folder(batch)) for ask in batch.asks]
    return [replace(asked(ask, file.name), size=pixel_size(file)) for ask, file in zip(batch.asks, files, strict=True)]


def batch_folder(batch: Batch) -> Path:
    """Return where pictures lie that were written for a round."""
    return batch.folder / "batches" / f"round_{batch.round:03d}"


def classes_told(batch: Batch) -> str:
    """Return the first classes, for a message.

    >>> classes_told(Batch(0, (), ("cat", "dog"), Task.MULTICLASS, Path()))
    'cat, dog'
    """
    return ", ".join(batch.classes[:12]) + (", ..." if len(batch.classes) > 12 else "")


def also_told(batch: Batch) -> str:
    """Return what may be said beside the classes."""
    return f"{NONE} for no class, or {SKIP}" if batch.task is Task.MULTILABEL else f"or {SKIP}"

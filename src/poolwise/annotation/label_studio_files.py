"""Batches as files for Label Studio, where no server can be reached from here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge

from poolwise.annotation.answers import asked
from poolwise.annotation.batch_files import BatchFiles, classes_told
from poolwise.annotation.formats import MOST_BYTES
from poolwise.annotation.pictures import data_uri
from poolwise.core.files import write_text
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Ask, Batch, Manifest
from poolwise.data.formats import label_studio
from poolwise.data.formats.parsing import content_of
from poolwise.data.formats.record import Record


@dataclass(frozen=True, kw_only=True)
class LabelStudioFiles(BatchFiles):
    """Writes `batches/round_003.label_studio.json`, to import, and beside it the labelling interface, to paste.

    Reads an export (JSON or JSON_MIN) back.

    Attributes:
        picture_side: pictures are embedded, with a longer side of at most so many pixels.
    """

    picture_side: Annotated[int, Ge(16)] = 1024

    source: ClassVar[str] = "label_studio"

    def _content(self, batch: Batch, images: ImageSource) -> str:
        write_text(self.file(batch).with_suffix(".xml"), interface(batch) + "\n")
        return label_studio.write(
            task_of(ask, batch, data_uri(ask.sample_id, images, self.picture_side)) for ask in batch.asks
        )

    def _told(self, batch: Batch, file: Path) -> str:
        return (
            f"Create a Label Studio project with the labelling interface in {file.with_suffix('.xml')}, import {file} "
            f"({classes_told(batch)}), and put its export (JSON) in its place"
        )


def interface(batch: Batch) -> str:
    """Return the labelling interface of a batch: its classes; skipping and "none" have ways of their own in Label Studio."""
    return label_studio.interface(batch.classes, batch.task)


def task_of(ask: Ask, batch: Batch, image: str, **data: object) -> dict[str, object]:
    """Return a sample as a task, its suggestion as the prediction of the round's model."""
    return label_studio.task_body(
        asked(ask, ask.path), image, model_version=f"round {batch.round}", round=batch.round, **data
    )


def read(file: Path, batch: Batch) -> list[Record]:
    """Read the tasks of a round: the export of a run's project holds those of all."""
    found = label_studio.read(content_of(file, MOST_BYTES), str(file))
    return [record for record in found if record.details.get("round", batch.round) == batch.round]


def write(records: Sequence[Record], manifest: Manifest, images: ImageSource, out: Path) -> None:
    """Write all labels as tasks with annotations."""
    write_text(out, label_studio.write(label_studio.task_body(row, row.path) for row in records))

"""Batches as COCO files, for the many tools that read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from poolwise.annotation.answers import choices
from poolwise.annotation.batch_files import BatchFiles, also_told, batch_folder, classes_told, copied_records
from poolwise.annotation.formats import MOST_BYTES
from poolwise.annotation.pictures import with_boxes
from poolwise.core.files import write_text
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch, Manifest
from poolwise.data.formats import coco
from poolwise.data.formats.parsing import content_of
from poolwise.data.formats.record import Record


@dataclass(frozen=True, kw_only=True)
class Coco(BatchFiles):
    """Writes `batches/round_003.coco.json` and, beside it, a folder with copies of the pictures; reads annotations back.

    What people choose from are categories, `skip` among them. Suggestions are left out: tools would hand them back as answers.
    """

    source: ClassVar[str] = "coco"

    def _content(self, batch: Batch, images: ImageSource) -> str:
        return coco.write(copied_records(batch, images), choices(batch), f"poolwise, round {batch.round}")

    def _told(self, batch: Batch, file: Path) -> str:
        return (
            f"Annotate the pictures in {batch_folder(batch)} with the categories of {file} ({classes_told(batch)}; "
            f"{also_told(batch)}), put the annotated COCO file in its place"
        )


def read(file: Path, batch: Batch) -> list[Record]:
    """Read a record a picture."""
    return coco.read(content_of(file, MOST_BYTES), str(file)).pictures()


def write(records: Sequence[Record], manifest: Manifest, images: ImageSource, out: Path) -> None:
    """Write all labels, boxes of crops among them."""
    write_text(out, coco.write(with_boxes(records, images), manifest.classes, manifest.name))

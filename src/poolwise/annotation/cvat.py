"""Batches for CVAT: pictures to upload, labels to create; answers as tags in its XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from poolwise.annotation.answers import NONE, choices
from poolwise.annotation.batch_files import BatchFiles, also_told, batch_folder, classes_told, copied_records
from poolwise.annotation.formats import MOST_BYTES
from poolwise.annotation.pictures import with_boxes
from poolwise.core.errors import FormatError
from poolwise.core.files import write_text
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch, Manifest
from poolwise.data.formats import cvat
from poolwise.data.formats.parsing import content_of
from poolwise.data.formats.record import Record


@dataclass(frozen=True, kw_only=True)
class Cvat(BatchFiles):
    """Writes `batches/round_003.cvat.xml` and, beside it, a folder with copies of the pictures; reads image tags back.

    What people choose from are labels, `skip` among them. Suggestions are left out: CVAT would hand them back as answers.
    """

    source: ClassVar[str] = "cvat"

    def _content(self, batch: Batch, images: ImageSource) -> str:
        return cvat.write(copied_records(batch, images), choices(batch), f"poolwise, round {batch.round}")

    def _told(self, batch: Batch, file: Path) -> str:
        return (
            f"Create a CVAT task with the pictures in {batch_folder(batch)} and the labels of {file}, as tags "
            f"({classes_told(batch)}; {also_told(batch)}), export it as 'CVAT for images 1.1' in its place"
        )


def read(file: Path, batch: Batch) -> list[Record]:
    """Read a record a picture."""
    return cvat.read(content_of(file, MOST_BYTES), str(file))[0]


def write(records: Sequence[Record], manifest: Manifest, images: ImageSource, out: Path) -> None:
    """Write all labels. Raises FormatError: CVAT would take "none of the classes" for one of them."""
    # a picture without tags is one that nobody has looked at
    found = [replace(row, names=(NONE,)) if row.names == () else row for row in with_boxes(records, images)]
    none = [row.path for row in records if row.names == ()]
    if none and NONE in manifest.classes:
        raise FormatError(
            f"{len(none)} pictures show none of the classes, which CVAT would take for the class {NONE!r}."
        )
    write_text(out, cvat.write(found, [*manifest.classes, *([NONE] if none else [])], manifest.name))

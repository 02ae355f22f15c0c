"""Batches for CVAT: pictures to upload, labels to create; answers as tags in its XML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from poolwise.annotation.answers import choices
from poolwise.annotation.batch_files import BatchFiles, also_told, batch_folder, classes_told, copied_records
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch
from poolwise.data.formats import cvat


@dataclass(frozen=True, kw_only=True)
class Cvat(BatchFiles):
    """Writes `batches/round_003.cvat.xml` and, beside it, a folder with copies of the pictures; reads image tags back.

    What people choose from are labels, `skip` among them. Suggestions are left out: CVAT would hand them back as answers.
    """

    source: ClassVar[str] = "cvat"
    ending: ClassVar[str] = ".cvat.xml"

    def _content(self, batch: Batch, images: ImageSource) -> str:
        return cvat.write(copied_records(batch, images), choices(batch), f"poolwise, round {batch.round}")

    def _told(self, batch: Batch, file: Path) -> str:
        return (
            f"Create a CVAT task with the pictures in {batch_folder(batch)} and the labels of {file}, as tags "
            f"({classes_told(batch)}; {also_told(batch)}), export it as 'CVAT for images 1.1' in its place"
        )

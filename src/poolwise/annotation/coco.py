"""Batches as COCO files, for the many tools that read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from poolwise.annotation.answers import choices
from poolwise.annotation.batch_files import BatchFiles, also_told, batch_folder, classes_told, copied_records
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch
from poolwise.data.formats import coco


@dataclass(frozen=True, kw_only=True)
class Coco(BatchFiles):
    """Writes `batches/round_003.coco.json` and, beside it, a folder with copies of the pictures; reads annotations back.

    What people choose from are categories, `skip` among them. Suggestions are left out: tools would hand them back as answers.
    """

    source: ClassVar[str] = "coco"
    ending: ClassVar[str] = ".coco.json"

    def _content(self, batch: Batch, images: ImageSource) -> str:
        return coco.write(copied_records(batch, images), choices(batch), f"poolwise, round {batch.round}")

    def _told(self, batch: Batch, file: Path) -> str:
        return (
            f"Annotate the pictures in {batch_folder(batch)} with the categories of {file} ({classes_told(batch)}; "
            f"{also_told(batch)}), put the annotated COCO file in its place"
        )

"""Batches as folders: people move pictures into the folder of their class, with whatever shows pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from poolwise.annotation.answers import PICTURE, choices
from poolwise.annotation.batch_files import BatchFiles, also_told, batch_folder
from poolwise.annotation.pictures import copied
from poolwise.annotation.reading import UNSORTED
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch, Task
from poolwise.data.formats.folders import as_folder


@dataclass(frozen=True, kw_only=True)
class ImageFolder(BatchFiles):
    """Writes copies of the pictures to `batches/round_003/unlabelled/` beside an empty folder for each class.

    For several labels a picture is copied into several folders.
    """

    source: ClassVar[str] = "image_folder"

    def emit(self, batch: Batch, images: ImageSource) -> str:
        """Make the folders, and write the pictures that are nowhere among them."""
        folder = self.file(batch)
        for name in choices(batch):
            (folder / as_folder(name, UNSORTED)).mkdir(parents=True, exist_ok=True)
        there = {found.group() for file in folder.rglob("sample_*") if (found := PICTURE.search(file.stem))}
        for ask in batch.asks:
            if f"sample_{ask.sample_id:07d}" not in there:
                copied(ask.sample_id, images, folder / UNSORTED)
        how = "Copy" if batch.task is Task.MULTILABEL else "Move"
        folders = f"one of the folders beside it ({also_told(batch)})"
        return f"{how} each picture of {folder / UNSORTED} into {folders}, then run the same command again."

    def file(self, batch: Batch) -> Path:
        """The folder of a round."""
        return batch_folder(batch)

"""Batches as folders: people move pictures into the folder of their class, with whatever shows pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from poolwise.annotation.answers import PICTURE, choices
from poolwise.annotation.batch_files import BatchFiles, also_told, batch_folder
from poolwise.annotation.pictures import copied
from poolwise.core.errors import FormatError, listed
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch, Manifest, Split, Task
from poolwise.data.formats.folders import as_folder
from poolwise.data.formats.record import Record

UNSORTED = "unlabelled"
"""Where an answer by folders begins."""


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
        """Return the folder of a round."""
        return batch_folder(batch)


def read(folder: Path, batch: Batch) -> list[Record]:
    """Read our pictures in folders named after classes; one in several folders has several. Deeper folders are only places."""
    found: dict[str, list[str]] = {}
    for place, inner, files in os.walk(folder):
        inner.sort()
        inside = Path(place).relative_to(folder).parts
        for name in sorted(files):
            if PICTURE.search(Path(name).stem):
                found.setdefault(name, []).extend(inside[:1] if inside and inside[0] != UNSORTED else [])
    return [
        Record(name, tuple(dict.fromkeys(names)) or None, where=f"{folder}, {name}") for name, names in found.items()
    ]


def write(records: Sequence[Record], manifest: Manifest, images: ImageSource, out: Path) -> None:
    """Write copies of all pictures: out/<split>/<class>/, unlabelled ones in out/<split>/unlabelled/."""
    if manifest.task is Task.MULTILABEL:
        raise FormatError(
            "a picture lies in one folder, and these have several labels; choose another format, e.g. coco."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FormatError(f"{out} is there already; name an empty folder with --out, so that no old label stays.")
    for name in manifest.classes:
        (out / Split.POOL.value / as_folder(name, "unlabelled", "unlabeled")).mkdir(parents=True, exist_ok=True)
    lost = [row.path for row in records if row.sample_id is None]
    if lost:
        raise FormatError(f"{len(lost)} pictures are no longer among the data: {listed(lost)}; restore them.")
    for row in records:
        if row.sample_id is not None:
            copied(row.sample_id, images, out / row.split / (as_folder(row.names[0]) if row.names else "unlabelled"))

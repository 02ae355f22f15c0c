"""Batches as JSON Lines, for programs and for tools such as Prodigy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from poolwise.annotation.answers import asked
from poolwise.annotation.batch_files import BatchFiles, also_told, batch_folder, classes_told
from poolwise.annotation.formats import MOST_BYTES
from poolwise.annotation.pictures import place_of, where_it_lies
from poolwise.core.files import write_text
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch, Manifest, Task
from poolwise.data.formats import jsonl
from poolwise.data.formats.parsing import content_of
from poolwise.data.formats.record import Record


@dataclass(frozen=True, kw_only=True)
class JsonLines(BatchFiles):
    """Writes `batches/round_003.jsonl` and reads `label` (several: `labels`) back; `annotator` goes before the option."""

    source: ClassVar[str] = "jsonl"

    def _content(self, batch: Batch, images: ImageSource) -> str:
        folder = batch_folder(batch)
        records = [asked(ask, str(where_it_lies(ask.sample_id, images, folder))) for ask in batch.asks]
        return jsonl.write(records, batch.task)

    def _told(self, batch: Batch, file: Path) -> str:
        key = "`labels` (a list)" if batch.task is Task.MULTILABEL else "`label`"
        return f"Put {key} into each line of {file} ({classes_told(batch)}; {also_told(batch)})"


def read(file: Path, batch: Batch) -> list[Record]:
    """Read a record a line."""
    return jsonl.read(content_of(file, MOST_BYTES), str(file))


def write(records: Sequence[Record], manifest: Manifest, images: ImageSource, out: Path) -> None:
    """Write all labels, a sample a line."""
    placed = [replace(row, path=place_of(row, images), sample_id=None) for row in records]
    write_text(out, jsonl.write(placed, manifest.task))

"""Batches as JSON Lines, for programs and for tools such as Prodigy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from poolwise.annotation.answers import asked
from poolwise.annotation.batch_files import BatchFiles, also_told, batch_folder, classes_told
from poolwise.annotation.pictures import where_it_lies
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch, Task
from poolwise.data.formats import jsonl


@dataclass(frozen=True, kw_only=True)
class JsonLines(BatchFiles):
    """Writes `batches/round_003.jsonl` and reads `label` (several: `labels`) back; `annotator` goes before the option."""

    source: ClassVar[str] = "jsonl"
    ending: ClassVar[str] = ".jsonl"

    def _content(self, batch: Batch, images: ImageSource) -> str:
        folder = batch_folder(batch)
        records = [asked(ask, str(where_it_lies(ask.sample_id, images, folder))) for ask in batch.asks]
        return jsonl.write(records, batch.task)

    def _told(self, batch: Batch, file: Path) -> str:
        key = "`labels` (a list)" if batch.task is Task.MULTILABEL else "`label`"
        return f"Put {key} into each line of {file} ({classes_told(batch)}; {also_told(batch)})"

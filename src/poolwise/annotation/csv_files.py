"""Batches as CSV files that people fill in, with a spreadsheet or anything else."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from poolwise.annotation.answers import label_text
from poolwise.annotation.batch_files import BatchFiles, batch_folder, classes_told
from poolwise.annotation.pictures import where_it_lies
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Batch, Task

COLUMNS = ("sample_id", "path", "suggested", "probability", "score", "reason")
"""Followed by what else is known of the picks (cluster, nearest labelled sample, ...) and, last, `label`."""


@dataclass(frozen=True, kw_only=True)
class CsvFiles(BatchFiles):
    """Writes `batches/round_003.csv` and reads the column `label` back; a column `annotator` goes before the option.

    Pictures that have no file of their own (packed data sets) are written beside it as PNG.
    """

    source: ClassVar[str] = "csv"
    ending: ClassVar[str] = ".csv"

    def _content(self, batch: Batch, images: ImageSource) -> str:
        folder = batch_folder(batch)
        return _table(batch, {ask.sample_id: str(where_it_lies(ask.sample_id, images, folder)) for ask in batch.asks})

    def _told(self, batch: Batch, file: Path) -> str:
        several = "; several with |, none for no class" if batch.task is Task.MULTILABEL else ""
        return f"Fill in the column `label` of {file} ({classes_told(batch)}{several}; or skip)"


def batch_file(batch: Batch) -> Path:
    """Where a round's file lies."""
    return CsvFiles().file(batch)


def _table(batch: Batch, pictures: Mapping[int, str]) -> str:
    out = io.StringIO()
    known = (*COLUMNS, "annotator", "label")
    details = [name for name in dict.fromkeys(name for ask in batch.asks for name in ask.details) if name not in known]
    writer = csv.DictWriter(out, [*COLUMNS, *details, "label"], lineterminator="\r\n")
    writer.writeheader()
    for ask in batch.asks:
        writer.writerow(
            {
                "sample_id": ask.sample_id,
                "path": pictures[ask.sample_id],
                "suggested": label_text(ask.suggestion) if ask.probability is not None else "",
                "probability": "" if ask.probability is None else f"{ask.probability:.3f}",
                "score": "" if ask.score is None else f"{ask.score:.4f}",
                "reason": ask.reason,
                **{name: ask.details.get(name, "") for name in details},
                "label": "",
            }
        )
    return out.getvalue()

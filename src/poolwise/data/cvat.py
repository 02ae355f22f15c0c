"""Pictures in an XML export of CVAT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poolwise.data.annotated import AnnotatedFile
from poolwise.formats import cvat
from poolwise.formats.parsing import content_of
from poolwise.formats.record import Record


@dataclass(frozen=True, kw_only=True)
class Cvat(AnnotatedFile):
    """A file "CVAT for images 1.1": its tags, or with `crops` its boxes; options as in `AnnotatedFile`."""

    def _read(self, file: Path) -> tuple[Sequence[Record], Sequence[str]]:
        return cvat.read(content_of(file), str(file), crops=self.crops)

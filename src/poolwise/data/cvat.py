"""Pictures in an XML export of CVAT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from poolwise.data.annotated import AnnotatedFile
from poolwise.data.formats import cvat
from poolwise.data.formats.parsing import content_of
from poolwise.data.formats.record import Record

NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Cvat(AnnotatedFile):
    """A file "CVAT for images 1.1": its tags, or with `crops` its boxes; options as in `AnnotatedFile`.

    With `multilabel=true` a lone tag `none` is no class but says that none applies, as CVAT has no other way to say so.
    """

    def _read(self, file: Path) -> tuple[Sequence[Record], Sequence[str]]:
        records, classes = cvat.read(content_of(file), str(file), crops=self.crops)
        if not self.multilabel or self.crops:
            return records, classes
        found = [replace(record, names=()) if record.names == (NONE,) else record for record in records]
        return found, [name for name in classes if name != NONE]

"""Pictures in a COCO file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from poolwise.data.annotated import AnnotatedFile, inside
from poolwise.data.catalogue import tidy
from poolwise.data.formats import coco
from poolwise.data.formats.parsing import content_of
from poolwise.data.formats.record import Record


@dataclass(frozen=True, kw_only=True)
class Coco(AnnotatedFile):
    """A COCO file of images, annotations and categories, which become the classes; options as in `AnnotatedFile`."""

    def _read(self, file: Path) -> tuple[Sequence[Record], Sequence[str]]:
        found = coco.read(content_of(file), str(file))
        return found.crops() if self.crops else found.pictures(), list(found.categories.values())

    @cached_property
    def numbers(self) -> tuple[Mapping[Any, str], Mapping[Any, str]]:
        """Image id -> path as in the manifest, without a box; category id -> class: what results of other programs refer to."""
        file = Path(self.path).expanduser()
        found = coco.read(content_of(file), str(file))
        return (
            {at: inside(record, self._root(file)) for at, record in found.images.items()},
            {at: tidy(name) for at, name in found.categories.items()},
        )

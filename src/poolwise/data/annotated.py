"""Pictures listed in a file of annotations from another tool; one class a picture, several, or crops."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from poolwise.core.errors import ConfigError, DataError, listed
from poolwise.core.ranges import OneOf
from poolwise.core.types import Label, Task
from poolwise.data.catalogue import Row, class_list, tidy
from poolwise.data.formats.record import Record
from poolwise.data.manifest import split_named
from poolwise.data.picture_files import Listing, PictureFiles


@dataclass(frozen=True, kw_only=True)
class AnnotatedFile(PictureFiles):
    """A file at `path`; the pictures that it names start at `root`, by default its folder. Further options as in `PictureFiles`.

    Attributes:
        path: of the file.
        root: where the names of the pictures start; none of them may lie outside.
        crops: each box is a picture of its own, with the categories of that box; crops of one picture are a group.
        multilabel: several classes a picture; None: where a picture has several, or none.
        unannotated: what a picture without annotation is: "unlabelled", or "none" of the classes.
    """

    path: str = ""
    root: str | None = None
    crops: bool = False
    multilabel: bool | None = None
    unannotated: Annotated[str, OneOf("unlabelled", "none")] = "unlabelled"

    def _read(self, file: Path) -> tuple[Sequence[Record], Sequence[str]]:
        """Return the records of the file, crops if they are asked for, and its classes."""
        raise NotImplementedError

    def _list(self) -> Listing:
        if not self.path:
            raise ConfigError(
                "data.path is not set; say where the file of annotations is, e.g. data.path=instances.json."
            )
        file = Path(self.path).expanduser()
        if not file.is_file():
            raise DataError(f"there is no file {file.absolute()}; set data.path to the file of annotations.")
        root = self._root(file)
        if not root.is_dir():
            raise DataError(
                f"there is no folder {root}; set data.root to where the names of the pictures in {file} start."
            )
        records, found = self._read(file)
        if not records:
            raise DataError(f"{file} names no {'box' if self.crops else 'picture'}.")
        labels = [self._names(record) for record in records]
        task = self._task(records, labels, file)
        classes = class_list(self.classes or [tidy(name) for name in found], (), task)
        rows = [self._row(record, names, root, task) for record, names in zip(records, labels, strict=True)]
        return Listing(file.stem, root, rows, classes, task)

    def _names(self, record: Record) -> tuple[str, ...] | None:
        if record.names is None:
            return () if self.unannotated == "none" else None
        return tuple(dict.fromkeys(map(tidy, record.names)))

    def _task(self, records: Sequence[Record], labels: Sequence[tuple[str, ...] | None], file: Path) -> Task:
        odd = [
            record.place for record, names in zip(records, labels, strict=True) if names is not None and len(names) != 1
        ]
        if self.multilabel is False and odd:
            raise DataError(
                f"{len(odd)} pictures of {file} have several categories, or none: {listed(odd)}. Set data.multilabel=true, or "
                "data.crops=true for a picture of each box."
            )
        several = bool(odd) if self.multilabel is None else self.multilabel
        return Task.MULTILABEL if several else Task.MULTICLASS

    def _root(self, file: Path) -> Path:
        return file.absolute().parent if self.root is None else Path(self.root).expanduser().absolute()

    def _row(self, record: Record, names: tuple[str, ...] | None, root: Path, task: Task) -> Row:
        label: Label = names if task is Task.MULTILABEL or names is None else names[0]
        split = split_named("" if record.split.lower() == "default" else record.split, record.where)
        path = inside(record, root)
        return Row(Record(path, box=record.box).place, label, split, path if self.crops else "", record.where)


def inside(record: Record, root: Path) -> str:
    """Return the path of a picture below `root`. Raises DataError: it lies elsewhere."""
    path = os.path.relpath(os.path.normpath(root / record.path), root)
    if path == os.pardir or path.startswith(os.pardir + os.sep):
        raise DataError(
            f"{record.where} names {record.path!r}, which lies outside {root}; set data.root to a folder above all pictures."
        )
    return path.replace(os.sep, "/")

"""A table of pictures: CSV, JSON Lines or Parquet with columns path, label (or labels), and optionally split and group."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.errors import ConfigError, DataError, listed
from poolwise.core.types import Label, Split, Task
from poolwise.data.catalogue import Row, class_list, tidy
from poolwise.data.image_folder import SPLITS
from poolwise.data.picture_files import Listing, PictureFiles
from poolwise.data.tables import KNOWN, Table, read_csv, read_jsonl, read_parquet

SEPARATORS = re.compile(r"[|;]")


@dataclass(frozen=True, kw_only=True)
class ManifestFile(PictureFiles):
    """A table at `path`; relative picture paths start at `root`, by default the table's folder.

    An empty label is a picture yet to be labelled. The column `labels` holds several, separated by `|` or `;` (a lone
    `|`: none of the classes), or a list in Parquet. Rows of one `group` are never divided between pool and test.
    Further columns (a cost, a place, ...) go with the samples, for strategies and `candidates` to look at.
    """

    path: str = ""
    root: str | None = None

    def _list(self) -> Listing:
        if not self.path:
            raise ConfigError("data.path is not set; say where the table is, e.g. data.path=items.csv.")
        file = Path(self.path).expanduser()
        table = read_table(file)
        task = task_of(table)
        root = file.absolute().parent if self.root is None else Path(self.root).expanduser()
        if not root.is_dir():
            raise DataError(f"there is no folder {root.absolute()}; set data.root to where the paths of {file} start.")
        rows = [to_row(values, where, root, task) for values, where in table.rows]
        found = {name for row in rows for name in ([row.label] if isinstance(row.label, str) else row.label or ())}
        classes = class_list(self.classes, found, task)
        if task is Task.MULTILABEL and any(SEPARATORS.search(name) for name in classes):
            raise DataError(f"data.classes holds a name with | or ; in it, which separate labels: {listed(classes)}.")
        return Listing(file.stem, root, rows, classes, task)


def read_table(file: Path) -> Table:
    """Return the table, its columns checked.

    Raises:
        DataError: no such file, no rows, or columns that are missing or exclude each other.
    """
    if not file.is_file():
        raise DataError(f"there is no file {file.absolute()}; set data.path to a .csv, .jsonl or .parquet table.")
    readers = {".parquet": read_parquet, ".pq": read_parquet, ".jsonl": read_jsonl, ".ndjson": read_jsonl}
    table = readers.get(file.suffix.lower(), read_csv)(file)
    if "path" not in table.columns:
        raise DataError(f"{file} has no column `path`; its columns are: {listed(table.columns, 20) or 'none'}.")
    if {"label", "labels"} <= set(table.columns):
        raise DataError(f"{file} has both columns `label` and `labels`; keep `label` for one class, `labels` for many.")
    if not table.rows:
        raise DataError(f"{file} has no rows; add one line for each picture.")
    return table


def task_of(table: Table) -> Task:
    """Return multi-label if the table has a column `labels`, else multi-class."""
    return Task.MULTILABEL if "labels" in table.columns else Task.MULTICLASS


def to_row(values: dict[str, Any], where: str, root: Path, task: Task) -> Row:
    """Return the row of one line of the table; errors name it."""
    path = _text(values.get("path"))
    if not path:
        raise DataError(f"{where} has no path; every line names a picture.")
    label = _labels(values.get("labels")) if task is Task.MULTILABEL else tidy(_text(values.get("label"))) or None
    group = _text(values.get("group"))
    extra = {name: value for name, value in values.items() if name and name not in KNOWN}
    return Row(
        _relative(path, root), label, split_named(_text(values.get("split")), where), group, where, extra or None
    )


def _relative(path: str, root: Path) -> str:
    """Return one spelling for each file: relative to the root where it lies below it."""
    normal = os.path.normpath(os.path.join(root, path))
    inside = os.path.relpath(normal, root) if os.path.isabs(path) else os.path.normpath(path)
    outside = os.path.isabs(path) and inside.startswith("..")
    return (normal if outside else inside).replace(os.sep, "/")


def split_named(name: str, where: str) -> Split | None:
    """Return the split called `name`, None for "". Raises DataError."""
    if not name:
        return None
    if name.lower() not in SPLITS:
        raise DataError(f"{where} has the split {name!r}; it is one of {listed(SPLITS, 20)}, or empty.")
    return SPLITS[name.lower()]


def _labels(value: Any) -> Label:
    """Return a list, or text with separators, as a tuple of names; None where nothing is said."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    parts = SEPARATORS.split(value) if isinstance(value, str) else [_text(item) for item in value]
    return tuple(dict.fromkeys(name for name in map(tidy, parts) if name))


def _text(value: Any) -> str:
    """Return a cell as text: nothing for null and NaN, 3.0 as "3" (pandas writes whole numbers with gaps so)."""
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()

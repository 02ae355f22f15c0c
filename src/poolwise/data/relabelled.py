"""Another data set with labels from a table: those of other annotators, or after a review."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from poolwise.core.errors import ConfigError, DataError, UnknownLabel, listed
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Ids, Manifest, Task, decode
from poolwise.data.digits import Digits
from poolwise.data.manifest import read_table
from poolwise.data.variants import Selection, Variant


@dataclass(frozen=True)
class Relabelled(Variant):
    """The pictures of a source, with the labels of a table; the source's own labels become the column `truth`.

    Attributes:
        source: any other source with one class a picture.
        path: .csv or .parquet with the columns `path`, as in the source, and `label`; samples that it does not name keep
            theirs.
        keep_truth: whether the source's labels are right, and are kept as `truth` to measure by.
        hide_labels: treat the labels of the pool as unknown, for simulations.
    """

    source: Annotated[Any, ImageSource] = field(default_factory=Digits)
    path: str = ""
    keep_truth: bool = True
    hide_labels: bool = True

    def _select(self, whole: Manifest) -> tuple[Ids, np.ndarray]:
        ids = np.arange(len(whole), dtype=np.int64)
        return ids, np.zeros_like(ids)

    def _told(self) -> str:
        return "relabelled"

    @cached_property
    def _selection(self) -> Selection:
        whole: Manifest = self._open.manifest
        labels = whole.labels.copy()
        for row, label in self._rows(whole):
            labels[row] = label
        ids, copies = self._select(whole)
        truth = np.array([decode(label, whole.classes) or "" for label in whole.labels], dtype=np.str_)
        columns = {**whole.columns, **({"truth": truth} if self.keep_truth else {})}
        found = replace(whole, name=f"relabelled_{whole.name}", labels=labels, columns=columns)
        return Selection(found, ids, copies)

    def _rows(self, whole: Manifest) -> list[tuple[int, int]]:
        if not self.path:
            raise ConfigError("data.path is not set; say which table holds the labels, e.g. data.path=labels.csv.")
        return labels_from(Path(self.path).expanduser(), whole)


def labels_from(file: Path, whole: Manifest) -> list[tuple[int, int]]:
    """Return sample id and class number of each row of a table with the columns `path` and `label`.

    Raises:
        DataError: data with several classes a picture, no such column, or paths that are not in the data.
        UnknownLabel: labels that are no classes.
    """
    if whole.task is not Task.MULTICLASS:
        raise DataError(f"{whole.name} has several classes a picture; labels of a table are for one class each.")
    table = read_table(file)
    if "label" not in table.columns:
        raise DataError(f"{file} has no column `label`; its columns are: {listed(table.columns, 20)}.")
    id_of = {path: at for at, path in enumerate(whole.paths)}
    number = {name: at for at, name in enumerate(whole.classes)}
    rows = [(str(values["path"]), str(values["label"]).strip(), where) for values, where in table.rows]
    if strange := [f"{path} ({where})" for path, _, where in rows if path not in id_of]:
        raise DataError(f"{len(strange)} paths of {file} are not in {whole.name}: {listed(strange)}.")
    if unknown := [f"{label!r} ({where})" for _, label, where in rows if label not in number]:
        raise UnknownLabel(
            f"{len(unknown)} labels of {file} are outside the class list ({listed(whole.classes, 20)}): {listed(unknown)}."
        )
    return [(id_of[path], number[label]) for path, label, _ in rows]

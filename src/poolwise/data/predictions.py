"""Probabilities of a model of the user's own: a table with a column for each class, arrays in an .npz file, COCO results."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.core.errors import DataError, listed
from poolwise.core.types import Floats, Ids, Manifest, Task
from poolwise.data.coco_results import coco_results
from poolwise.data.manifest import read_table

TOLERANCE = 1e-3
"""How far a row's sum may be from 1: predictions are often written with few digits."""


Numbers = tuple[Mapping[Any, str], Mapping[Any, str]]
"""Image id -> path, category id -> class: what COCO results refer to."""


def read_predictions(file: Path, manifest: Manifest, ids: Ids, numbers: Numbers = ({}, {})) -> Floats:
    """Return the probabilities of samples, over the classes of the data.

    Args:
        file: .csv, .jsonl or .parquet with the column `path` and one for each class; .npz with `probs` (M, C), `paths` (M,),
            and `classes` (C,) unless they are in the order of the data; .json with COCO results. Further columns are left alone.
        manifest: of the pictures; paths are as in it.
        ids: (n,) the samples that need probabilities; others may be in the file.
        numbers: of `data=coco`, for results without images and categories of their own.

    Returns:
        (n, C) float32; multi-class rows sum to 1.

    Raises:
        DataError: no such file, classes or samples that are missing, or numbers that are no probabilities.
    """
    file = file.expanduser()
    if not file.is_file():
        raise DataError(f"there is no file {file.absolute()}; set predictions to a .csv, .parquet, .npz or .json file.")
    if file.suffix.lower() == ".npz":
        paths, probs = _arrays(file, manifest)
    elif file.suffix.lower() == ".json":
        paths, probs = coco_results(file, manifest, numbers)
    else:
        paths, probs = _table(file, manifest)
    row_of = {path: row for row, path in enumerate(paths)}
    if len(row_of) < len(paths):
        raise DataError(f"{file} names {len(paths) - len(row_of)} samples more than once; keep one row for each.")
    wanted = [manifest.paths[at] for at in ids]
    if missing := [path for path in wanted if path not in row_of]:
        raise DataError(
            f"{file} has no row for {len(missing)} of {len(wanted)} samples: {listed(missing)}; paths are as in the data, "
            f"e.g. {manifest.paths[0]!r}."
        )
    return _checked(probs[[row_of[path] for path in wanted]], wanted, manifest, file)


def _checked(probs: np.ndarray, paths: list[str], manifest: Manifest, file: Path) -> Floats:
    bad = ~np.isfinite(probs).all(axis=1) | (probs < 0).any(axis=1) | (probs > 1 + TOLERANCE).any(axis=1)
    if bad.any():
        named = listed([paths[row] for row in np.flatnonzero(bad)])
        raise DataError(
            f"{file}: {int(bad.sum())} rows are no probabilities (numbers from 0 to 1): {named}. Logits need a softmax."
        )
    if manifest.task is Task.MULTICLASS:
        total = probs.sum(axis=1)
        if (off := np.abs(total - 1) > TOLERANCE).any():
            named = listed([f"{paths[row]} ({total[row]:.3f})" for row in np.flatnonzero(off)])
            raise DataError(
                f"{file}: {int(off.sum())} rows do not sum to 1: {named}. Give the probabilities of all classes: "
                f"{listed(manifest.classes, 20)}."
            )
        probs = probs / total[:, None]
    return np.asarray(probs, dtype=np.float32)


def _table(file: Path, manifest: Manifest) -> tuple[list[str], np.ndarray]:
    table = read_table(file)
    columns = {name.lower(): name for name in manifest.classes}
    if len(columns) < len(manifest.classes):
        raise DataError(f"classes of {manifest.name} differ by capitals alone; give the predictions as .npz.")
    if missing := [name for low, name in columns.items() if low not in table.columns]:
        raise DataError(
            f"{file} has no column for the classes {listed(missing)}; its columns are: {listed(table.columns, 20)}."
        )
    paths = [str(values["path"]) for values, _ in table.rows]
    return paths, np.array([[_number(values, low, where) for low in columns] for values, where in table.rows])


def _number(values: Mapping[str, Any], column: str, where: str) -> float:
    try:
        return float(values[column])
    except (TypeError, ValueError, KeyError):
        raise DataError(f"{where}: {column!r} is {values.get(column)!r}, which is no number.") from None


def _arrays(file: Path, manifest: Manifest) -> tuple[list[str], np.ndarray]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            found = {name: content[name] for name in content.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{file} cannot be read as .npz: {error}.") from error
    if not {"probs", "paths"} <= set(found):
        raise DataError(
            f"{file} holds {listed(found) or 'nothing'}; it needs the arrays `probs` (M, C) and `paths` (M,)."
        )
    probs, paths = found["probs"], [str(path) for path in found["paths"].tolist()]
    classes = [str(name) for name in found.get("classes", np.array(manifest.classes)).tolist()]
    if probs.ndim != 2 or probs.shape != (len(paths), len(classes)):
        raise DataError(
            f"{file}: probs are {probs.shape}; with {len(paths)} paths and {len(classes)} classes they are "
            f"({len(paths)}, {len(classes)})."
        )
    if missing := [name for name in manifest.classes if name not in classes]:
        raise DataError(f"{file} has no column for the classes {listed(missing)}; it has {listed(classes, 20)}.")
    return paths, np.asarray(probs, dtype=np.float64)[:, [classes.index(name) for name in manifest.classes]]

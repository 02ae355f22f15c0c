"""Scores in COCO's format of results: rows of image_id, category_id, score, and for crops bbox.

Layout: cocodataset.org, "Results format".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from poolwise.core.errors import DataError, listed
from poolwise.core.types import Manifest, Task
from poolwise.data.formats import coco
from poolwise.data.formats.parsing import content_of, parse_json
from poolwise.data.formats.record import box_of, crop_place, split_place


def coco_results(
    file: Path, manifest: Manifest, numbers: tuple[Mapping[Any, str], Mapping[Any, str]]
) -> tuple[list[str], np.ndarray]:
    """Return paths (M,) and scores (M, C); a pair that no row names has 0, of several rows the highest counts.

    Args:
        file: a list of results, or a COCO file whose annotations have scores.
        manifest: of the pictures.
        numbers: image id -> path and category id -> class, for a list; without, rows name paths and classes themselves.

    Raises:
        DataError, FormatError: a row that cannot be used.
    """
    whole = parse_json(content_of(file), str(file))
    if isinstance(whole, dict):
        own = coco.read(content_of(file), str(file))
        numbers = {at: record.path for at, record in own.images.items()}, own.categories
        whole = whole.get("annotations")
    if not isinstance(whole, list):
        raise DataError(f"{file} holds no results; they are a list of objects with image_id, category_id and score.")
    crops = any(split_place(path)[1] for path in manifest.paths)
    column = {name: at for at, name in enumerate(manifest.classes)}
    known, found = set(manifest.paths), dict[str, np.ndarray]()
    for at, row in enumerate(whole):
        where = f"{file}, result {at}"
        path, name, score = _row(row, where, numbers, crops)
        if name not in column:
            raise DataError(f"{where} is of {name!r}; the classes are {listed(manifest.classes, 20)}.")
        scores = found.setdefault(path, np.zeros(len(column)))
        scores[column[name]] = max(scores[column[name]], score)
    if found and not known & set(found):
        raise DataError(
            f"{file} is about other pictures, e.g. {next(iter(found))!r}; those of the data are e.g. {manifest.paths[0]!r}."
        )
    if manifest.task is Task.MULTILABEL:  # nothing was detected
        found.update({path: np.zeros(len(column)) for path in manifest.paths if path not in found})
    return list(found), np.array(list(found.values())).reshape(len(found), len(column))


def _row(
    row: Any, where: str, numbers: tuple[Mapping[Any, str], Mapping[Any, str]], crops: bool
) -> tuple[str, str, float]:
    if not isinstance(row, dict):
        raise DataError(f"{where} is no object.")
    path, name = (
        _named(row.get(key), named, key, where) for key, named in zip(("image_id", "category_id"), numbers, strict=True)
    )
    score = row.get("score")
    if isinstance(score, bool) or not isinstance(score, (int, float)):
        raise DataError(f"{where}: the score is {score!r}, which is no number.")
    return crop_place(path, box_of(row.get("bbox"), where)) if crops else path, name, float(score)


def _named(key: Any, named: Mapping[Any, str], what: str, where: str) -> str:
    if isinstance(key, (int, str)) and not isinstance(key, bool) and key in named:
        return named[key]
    if isinstance(key, str):
        return key
    raise DataError(
        f"{where}: nothing is known of the {what} {key!r}. Ids are those of the file of data=coco, or of images and categories "
        "beside the results; or write the path and the class themselves."
    )

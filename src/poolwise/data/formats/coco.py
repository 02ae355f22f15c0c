"""COCO: `images`, `annotations`, `categories`. For classification, a picture has a category once or not at all.

Layout: cocodataset.org, "Data format", object detection. Two keys of our own go with each image, where tools keep them:
`sample_id`, and `labelled`, as COCO cannot tell "none of the categories" from "nobody has looked yet".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from poolwise.core.errors import FormatError, listed
from poolwise.data.formats.parsing import as_id, as_text, parse_json
from poolwise.data.formats.record import Box, Record, box_of

SEVERAL = 20
"""Names quoted in a message."""
UNNAMED = "unlabelled_boxes"
"""A list of our own for crops without a category: readers of COCO trip over annotations that have none."""


@dataclass(frozen=True)
class CocoFile:
    """What a file holds.

    Attributes:
        images: image id -> the picture, without names.
        categories: category id -> name, in the order of the file.
        annotations: as they are, with their place.
    """

    images: Mapping[Any, Record]
    categories: Mapping[Any, str]
    annotations: Sequence[tuple[Mapping[str, Any], str]]

    def pictures(self) -> list[Record]:
        """Return a record for each image, named by its annotations, unnamed without any unless `labelled` is true."""
        found: dict[Any, dict[str, None]] = {}
        for body, where in self.annotations:
            found.setdefault(self._image(body, where), {}).update(dict.fromkeys(self._names(body, where)))
        return [
            replace(record, names=tuple(found[key])) if found.get(key) else record
            for key, record in self.images.items()
        ]

    def crops(self) -> list[Record]:
        """Return a record for each box, named by the annotations that have it; crowds of things are passed over."""
        found: dict[tuple[Any, Box], tuple[Record, dict[str, None]]] = {}
        for body, where in self.annotations:
            if body.get("iscrowd"):
                continue
            key, box = self._image(body, where), box_of(body.get("bbox"), where)
            image = self.images[key]
            split = as_text(body.get("split")) or image.split
            blank = replace(image, box=box, names=_looked_at(body), sample_id=None, split=split, where=where)
            found.setdefault((key, box), (blank, {}))[1].update(dict.fromkeys(self._names(body, where)))
        return [replace(record, names=tuple(names)) if names else record for record, names in found.values()]

    def _image(self, body: Mapping[str, Any], where: str) -> Any:
        key = body.get("image_id")
        if not _is_key(key) or key not in self.images:
            raise FormatError(f"{where} belongs to the image {key!r}, which is not among the file's images.")
        return key

    def _names(self, body: Mapping[str, Any], where: str) -> list[str]:
        key = body.get("category_id")
        if key is None:
            return []
        if not _is_key(key) or key not in self.categories:
            raise FormatError(
                f"{where} has the category {key!r}; the file's categories are {listed(self.categories, SEVERAL)}."
            )
        return [self.categories[key]]


def write(records: Sequence[Record], classes: Sequence[str], about: str = "") -> str:
    """Return a file with an annotation of the whole picture (of its box, for a crop) for each name.

    Args:
        records: names among `classes`; `size` is needed for boxes and written where known.
        classes: become the categories 1, 2, ... in this order.
        about: for `info.description`.

    Raises:
        FormatError: a name outside `classes`.
    """
    number = {name: at for at, name in enumerate(classes, start=1)}
    image_ids: dict[str, int] = {}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    unnamed: list[dict[str, Any]] = []
    for record in records:
        if record.path not in image_ids:
            image_ids[record.path] = len(images) + 1
            images.append(_image_body(record, len(images) + 1))
        strange = [name for name in record.names or () if name not in number]
        if strange:
            raise FormatError(f"{record.path}: {listed(strange)} is no category; they are {listed(classes, SEVERAL)}.")
        body = _annotation(record, image_ids[record.path])
        if record.box is not None and not record.names:
            unnamed.append(body)
        for name in record.names or ():
            annotations.append({"id": len(annotations) + 1, "category_id": number[name], **body})
    content = {
        "info": {"description": about},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": at, "name": name, "supercategory": ""} for name, at in number.items()],
        **({UNNAMED: unnamed} if unnamed else {}),
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _image_body(record: Record, at: int) -> dict[str, Any]:
    width, height = record.size or (0, 0)
    body: dict[str, Any] = {"id": at, "file_name": record.path, "width": width, "height": height}
    if record.box is not None:
        return body
    if record.split:
        body["split"] = record.split
    if record.sample_id is not None:
        body["sample_id"] = record.sample_id
    return {**body, "labelled": record.names is not None}


def _annotation(record: Record, image: int) -> dict[str, Any]:
    box = record.box or (0, 0, *(record.size or (0, 0)))
    body = {"image_id": image, "bbox": list(box), "area": box[2] * box[3], "iscrowd": 0, "segmentation": []}
    if record.box is not None and record.names == ():
        body["labelled"] = True
    if record.box is not None and record.split:  # crops of one picture may be apart
        body["split"] = record.split
    return body


def read(content: bytes, where: str) -> CocoFile:
    """Return the checked content of a file.

    Raises:
        FormatError: it is no such file, or an id, a name or a box in it cannot be used.
    """
    whole = parse_json(content, where)
    if not isinstance(whole, dict) or not isinstance(whole.get("images"), list):
        raise FormatError(f"{where} is no COCO file; it needs the lists images, annotations and categories.")
    categories = {}
    for body, place in _bodies(whole, "categories", where):
        categories[_key(body, place)] = _text(body, "name", place)
    if len(set(categories.values())) < len(categories):
        raise FormatError(f"{where} has two categories of one name: {listed(sorted(categories.values()), SEVERAL)}.")
    images: dict[Any, Record] = {}
    for body, place in _bodies(whole, "images", where):
        key = _key(body, place)
        if key in images:
            raise FormatError(f"{place} has the id {key!r}, which another image has too.")
        images[key] = _picture(body, place)
    annotations = [each for key in ("annotations", UNNAMED) for each in _bodies(whole, key, where)]
    return CocoFile(images, categories, annotations)


def _picture(body: Mapping[str, Any], where: str) -> Record:
    width, height = body.get("width"), body.get("height")
    known = isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0
    return Record(
        _text(body, "file_name", where),
        _looked_at(body),
        as_id(body.get("sample_id")),
        split=as_text(body.get("split")),
        size=(int(width or 0), int(height or 0)) if known else None,
        where=where,
    )


def _looked_at(body: Mapping[str, Any]) -> tuple[str, ...] | None:
    return () if body.get("labelled") is True else None


def _bodies(whole: Mapping[str, Any], key: str, where: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    values = whole.get(key, [])
    if not isinstance(values, list):
        raise FormatError(f"{where}: {key} is no list.")
    for at, body in enumerate(values):
        if not isinstance(body, dict):
            raise FormatError(f"{where}: {key}[{at}] is no object.")
        yield body, f"{where}, {key}[{at}]"


def _is_key(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _key(body: Mapping[str, Any], where: str) -> Any:
    if not _is_key(body.get("id")):
        raise FormatError(f"{where} has no id.")
    return body["id"]


def _text(body: Mapping[str, Any], key: str, where: str) -> str:
    text = as_text(body.get(key))
    if not text:
        raise FormatError(f"{where} has no {key}.")
    return text

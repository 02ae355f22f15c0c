"""CVAT's XML, "CVAT for images 1.1": tags of whole pictures, boxes of parts of them.

Layout: docs.cvat.ai, "XML annotation format". CVAT names a picture by the file that was uploaded; it keeps no keys of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from poolwise.core.errors import FormatError, listed
from poolwise.data.formats.parsing import parse_xml
from poolwise.data.formats.record import Record, box_of


def write(records: Sequence[Record], classes: Sequence[str], about: str = "") -> str:
    """Return a file with a tag for each name of a picture, a box for each name of a crop.

    Raises:
        FormatError: a class or path that XML cannot hold.
    """
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    ElementTree.SubElement(task, "name").text = writable(about)
    labels = ElementTree.SubElement(task, "labels")
    for name in classes:
        ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = writable(name)
    images: dict[str, ElementTree.Element] = {}
    for record in records:
        image = images.get(record.path)
        if image is None:
            image = images[record.path] = ElementTree.SubElement(root, "image", _image(record, len(images)))
        for name in record.names or ():
            kind, place = ("tag", {}) if record.box is None else ("box", _corners(record))
            ElementTree.SubElement(image, kind, {"label": writable(name), "source": "manual", **place})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _image(record: Record, at: int) -> dict[str, str]:
    width, height = record.size or (0, 0)
    body = {"id": str(at), "name": writable(record.path), "width": str(width), "height": str(height)}
    return {**body, "subset": record.split} if record.split else body


def _corners(record: Record) -> dict[str, str]:
    x, y, width, height = record.box or (0, 0, 0, 0)
    sides = {"xtl": x, "ytl": y, "xbr": x + width, "ybr": y + height}
    return {"occluded": "0", **{name: f"{side:.2f}" for name, side in sides.items()}}


def writable(text: str) -> str:
    """Return the text, if XML can hold it. Raises FormatError."""
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 or ord(letter) in (0xFFFE, 0xFFFF) for letter in text):
        raise FormatError(f"{text!r} holds a character that XML cannot; rename it, or choose another format.")
    return text


def read(content: bytes, where: str, *, crops: bool = False) -> tuple[list[Record], tuple[str, ...]]:
    """Return the pictures of a file, or with `crops` its boxes, and the names of its labels.

    Raises:
        FormatError: it is no such file.
    """
    root = parse_xml(content, where)
    if root.tag != "annotations":
        raise FormatError(f"{where} begins with <{root.tag}>; CVAT's files for images begin with <annotations>.")
    if root.find("track") is not None:
        raise FormatError(f"{where} holds tracks of a video; export it as 'CVAT for images 1.1'.")
    classes = tuple(dict.fromkeys((node.text or "").strip() for node in root.findall("./meta//labels/label/name")))
    records: list[Record] = []
    for at, image in enumerate(root.findall("image")):
        place = f"{where}, image {image.get('id', at)}"
        name = (image.get("name") or "").strip()
        if not name:
            raise FormatError(f"{place} has no name.")
        whole = Record(name, None, split=image.get("subset") or "", size=_size(image), where=place)
        records += _boxes(image, whole) if crops else [_tagged(image, whole)]
    return records, tuple(name for name in classes if name)


def _tagged(image: ElementTree.Element, whole: Record) -> Record:
    names = dict.fromkeys(_label(tag, whole.where) for tag in image.findall("tag"))
    return Record(whole.path, tuple(names) or None, split=whole.split, size=whole.size, where=whole.where)


def _boxes(image: ElementTree.Element, whole: Record) -> list[Record]:
    found: dict[tuple[float, ...], dict[str, None]] = {}
    for node in image.findall("box"):
        try:
            left, top, right, bottom = (float(node.get(side, "")) for side in ("xtl", "ytl", "xbr", "ybr"))
        except ValueError:
            raise FormatError(f"{whole.where} has a box without its four corners {listed(node.items())}.") from None
        box = box_of([left, top, right - left, bottom - top], whole.where)
        found.setdefault(box, {})[_label(node, whole.where)] = None
    return [
        Record(
            whole.path,
            tuple(names),
            split=whole.split,
            size=whole.size,
            box=(b[0], b[1], b[2], b[3]),
            where=whole.where,
        )
        for b, names in found.items()
    ]


def _label(node: ElementTree.Element, where: str) -> str:
    name = (node.get("label") or "").strip()
    if not name:
        raise FormatError(f"{where} has a {node.tag} without a label.")
    return name


def _size(image: ElementTree.Element) -> tuple[int, int] | None:
    sides = [image.get(side, "") for side in ("width", "height")]
    if not all(side.isascii() and side.isdecimal() and len(side) < 10 for side in sides) or "0" in sides:
        return None
    return int(sides[0]), int(sides[1])

"""Pictures for people: where they lie, copies of them, and copies small enough to be sent within a text."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poolwise.core.errors import UnreadableImages
from poolwise.core.files import write_bytes
from poolwise.core.interfaces import ImageSource
from poolwise.data.formats.record import Box, Record, split_place

if TYPE_CHECKING:
    from PIL import Image as PillowImage

SHOWN = 128
"""Pixels of the longer side, at least: tiny pictures are shown at a size that a person can see."""


def name_of(sample_id: int, suffix: str) -> str:
    """Return the name of a picture that is written for people: tools keep names where they keep nothing else.

    >>> name_of(3, ".png")
    'sample_0000003.png'
    """
    return f"sample_{sample_id:07d}{suffix}"


def where_it_lies(sample_id: int, images: ImageSource, folder: Path) -> Path:
    """Return the picture's own file, or, where it has none (a packed data set, a crop), a PNG written into `folder`."""
    file = images.file(sample_id)
    return file if file is not None else copied(sample_id, images, folder)


def copied(sample_id: int, images: ImageSource, folder: Path) -> Path:
    """Copy the picture to `folder`, as it is if it is a file, else as PNG, unless it is there; return its path."""
    file = images.file(sample_id)
    out = folder / name_of(sample_id, ".png" if file is None else file.suffix.lower())
    if not out.exists():
        write_bytes(out, _png(sample_id, images) if file is None else _content(file))
    return out


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnreadableImages(f"{file} cannot be read: {error.strerror or error}; restore it.") from error


def pixel_size(file: Path) -> tuple[int, int] | None:
    """Return (width, height) as the file says, upright; None if it does not."""
    from PIL import Image

    try:
        with Image.open(file) as picture:
            turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return (picture.height, picture.width) if turned else picture.size
    except Exception:  # decoders raise whatever comes to hand; the size is a courtesy
        return None


def _png(sample_id: int, images: ImageSource) -> bytes:
    picture = _decoded(sample_id, images)
    # Tiny pictures are shown at a size that a person can see.
    scale = max(1, SHOWN // max(picture.size))
    buffer = io.BytesIO()
    picture.resize((picture.width * scale, picture.height * scale), 0).save(buffer, format="PNG")
    return buffer.getvalue()


def _decoded(sample_id: int, images: ImageSource) -> PillowImage.Image:
    """Return a picture without a file of its own: the part of one that it is, at full size, or what a model sees of it."""
    from PIL import Image

    if (place := images.place(sample_id)) is not None:
        path, box = split_place(place)
        return cut(_opened(Path(path)), box)
    pixels = images.read(np.array([sample_id]))[0]
    return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


def cut(picture: PillowImage.Image, box: Box | None) -> PillowImage.Image:
    """Return the part of a picture within a box (left, top, width, height); all of it without one."""
    x, y, width, height = box or (0, 0, *picture.size)
    return picture.crop((math.floor(x), math.floor(y), *_within(picture.size, x + width, y + height)))


def _within(size: tuple[int, int], right: float, bottom: float) -> tuple[int, int]:
    return min(size[0], math.ceil(right)), min(size[1], math.ceil(bottom))


def _opened(file: Path, most: int | None = None) -> PillowImage.Image:
    """Open an RGB picture, upright. Raises UnreadableImages."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as whole:
            if most is not None:
                whole.draft("RGB", (most, most))
            return ImageOps.exif_transpose(whole).convert("RGB")
    except Exception as error:  # decoders raise whatever comes to hand
        raise UnreadableImages(f"{file} cannot be read: {error}; restore it.") from error


def data_uri(sample_id: int, images: ImageSource, most: int) -> str:
    """Return the picture itself as text, "data:image/...;base64,...", its longer side at most `most` pixels.

    Raises:
        UnreadableImages: its file cannot be decoded.
    """
    file = images.file(sample_id)
    if file is None and images.place(sample_id) is None:  # packed pictures are small
        return f"data:image/png;base64,{base64.b64encode(_png(sample_id, images)).decode()}"
    picture = _opened(file, most) if file is not None else _decoded(sample_id, images)
    picture.thumbnail((most, most))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def place_of(record: Record, images: ImageSource) -> str:
    """Return where a picture lies, with the box behind it for a crop; its key where it has no file."""
    if record.sample_id is None:
        return record.path
    file = images.file(record.sample_id)
    if file is not None:
        return str(file.resolve())
    return images.place(record.sample_id) or record.path


def with_boxes(records: Sequence[Record], images: ImageSource) -> list[Record]:
    """Return records with paths as in the data, boxes apart from them, and sizes where a file tells."""
    found = []
    for row in records:
        path, box = split_place(row.path)
        file = Path(split_place(place_of(row, images))[0])
        found.append(replace(row, path=path, box=box, size=pixel_size(file) if file.is_file() else None))
    return found

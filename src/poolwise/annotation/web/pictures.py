"""A sample as a picture for a browser: decoded under limits, made small, encoded anew, kept for the next who asks.

Browsers name samples by id, never by path. What they get is encoded here, so nothing of the file but its pixels goes out.
"""

from __future__ import annotations

import io
import stat
import threading
from collections import OrderedDict
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poolwise.annotation.pictures import cut
from poolwise.core.interfaces import ImageSource
from poolwise.data.formats.record import Box, split_place

if TYPE_CHECKING:
    from PIL.Image import Image

SIDES = (160, 1024, 3072)
"""Longest sides that are served: grid, page, zoom."""
MOST_BYTES = 200 << 20
MOST_PIXELS = 150_000_000
"""A larger picture is shown as the model sees it, small."""
LARGE = 20_000_000
"""Pixels above which pictures are decoded one at a time: one may take gigabytes, and a tab asks for several at once."""
WHOLE = 1 << 16
"""Side at which no decoder skips detail: a box is in pixels of the whole picture."""
SMALL = 64
"""Pictures up to this size are sent pixel by pixel."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "MPO")


@dataclass(frozen=True)
class Encoded:
    """Bytes for a browser."""

    content: bytes
    kind: str


@dataclass
class Pictures:
    """Encoded pictures by (sample, side), the latest used kept in memory.

    Attributes:
        images: where they come from.
        cache_bytes: how much is kept.
    """

    images: ImageSource
    cache_bytes: int = 256 << 20
    _kept: OrderedDict[tuple[int, int], Encoded] = field(default_factory=OrderedDict)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def get(self, sample_id: int, side: int) -> Encoded:
        """Return a sample, its longest side at most `side`. Raises UnreadableImages, OSError: it cannot be read."""
        key = (sample_id, side)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        file, box = self._place(sample_id)
        with self._one_at_a_time if file is not None and pixels_of(file) > LARGE else nullcontext():
            found = encode(self._opened(sample_id, file, box, side), side)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = found
                self._size += len(found.content)
            while self._size > self.cache_bytes and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1].content)
        return found

    def _place(self, sample_id: int) -> tuple[Path | None, Box | None]:
        """Return the file of a sample, and which part of it; None for packed data."""
        file, place = self.images.file(sample_id), self.images.place(sample_id)
        if file is not None or place is None:
            return file, None
        path, box = split_place(place)
        return Path(path), box

    def _opened(self, sample_id: int, file: Path | None, box: Box | None, side: int) -> Image:
        picture = None if file is None else opened(file, side if box is None else WHOLE)
        if picture is None:
            return self._as_the_model_sees_it(sample_id)
        return picture if box is None else cut(picture, box)

    def _as_the_model_sees_it(self, sample_id: int) -> Image:
        from PIL import Image

        pixels = self.images.read(np.array([sample_id], dtype=np.int64))[0]
        grey = pixels.shape[0] < 3
        return Image.fromarray(np.ascontiguousarray(pixels[0] if grey else pixels[:3].transpose(1, 2, 0)))


def pixels_of(file: Path) -> int:
    """Return how many pixels a file says that it has; 0 if it does not say."""
    from PIL import Image

    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return 0
        with Image.open(file, formats=FORMATS) as picture:
            return picture.width * picture.height
    except MemoryError:
        raise
    except Image.DecompressionBombError:
        return MOST_PIXELS + 1
    except Exception:  # decoders raise whatever comes to hand
        return 0


def opened(file: Path, side: int) -> Image | None:
    """Return a picture file, upright, in grey or RGB; None where the page shows what the model sees instead.

    Too large a file or picture, a mode of more than 8 bits, a format of another kind, a decoder's failure.
    """
    from PIL import Image, ImageOps

    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            return None
        with Image.open(file, formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS or picture.mode[0] in "IF":
                return None
            picture.draft("RGB", (side, side))  # lets the JPEG decoder skip detail
            upright = ImageOps.exif_transpose(picture)
            return flat(upright)
    except MemoryError:
        raise
    except Exception:  # decoders raise whatever comes to hand, from SyntaxError to struct.error
        return None


def flat(picture: Image) -> Image:
    """Return a picture in grey or RGB; transparent parts over white, as training has them."""
    from PIL import Image

    if picture.mode in ("L", "RGB"):
        return picture.copy()
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")


def encode(picture: Image, side: int) -> Encoded:
    """Encode as PNG for tiny pictures, whose pixels count; as JPEG otherwise."""
    from PIL import Image

    if max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    if max(picture.size) <= SMALL:
        picture.save(buffer, "PNG")
        return Encoded(buffer.getvalue(), "image/png")
    picture.save(buffer, "JPEG", quality=88)
    return Encoded(buffer.getvalue(), "image/jpeg")

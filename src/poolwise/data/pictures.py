"""One picture file of any size and mode to uint8 pixels of one shape. This is also a door for hostile files.

Pillow decides by content, not by name, what a file is; only the formats below are let in, and every failure of a
decoder comes back as a reason, never as a crash.
"""

from __future__ import annotations

import math
import os
import stat
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import UnreadableImages
from poolwise.data.formats.record import Box

if TYPE_CHECKING:
    from PIL import Image as PillowImage

    Picture = PillowImage.Image

Pixels = NDArray[np.uint8]

# EPS and PS start Ghostscript; the others are recognised by Pillow but need programs of their own to be decoded
REFUSED = frozenset({"EPS", "BUFR", "GRIB", "HDF5", "MPEG", "WMF", "FPX", "MIC"})
WHITE = 255


class Resize(str, Enum):
    """How a picture becomes a square: cut off the longer side, add black borders, or change its proportions."""

    CROP = "crop"
    PAD = "pad"
    STRETCH = "stretch"


@dataclass(frozen=True)
class Form:
    """The one shape of all pictures: `channels` 1 (grey) or 3 (RGB), `size` x `size` pixels.

    `share` is the part of both sides that is kept around the middle where a picture is cropped.
    """

    size: int
    channels: int
    resize: Resize
    share: float = 1.0
    bicubic: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return self.channels, self.size, self.size

    @property
    def reach(self) -> int:
        """Return the pixels a side below which decoding would lose detail."""
        return math.ceil(self.size / self.share)


@lru_cache(maxsize=1)
def formats() -> tuple[str, ...]:
    """Return the formats that are let in; the common ones first, as Pillow tries them in this order."""
    from PIL import Image

    Image.init()
    return tuple(sorted(Image.OPEN.keys() - REFUSED, key=lambda name: (name not in {"JPEG", "PNG"}, name)))


@lru_cache(maxsize=1)
def extensions() -> frozenset[str]:
    """Return the file name endings of pictures, lower case with the dot."""
    from PIL import Image

    allowed = set(formats())
    return frozenset(ending.lower() for ending, name in Image.registered_extensions().items() if name in allowed)


def decode(file: Path, form: Form) -> Pixels:
    """Return (channels, size, size) pixels, upright, transparent parts over white.

    Raises:
        UnreadableImages: names the file and the reason.
    """
    result = attempt(file, form)
    if isinstance(result, str):
        raise UnreadableImages(f"{file} cannot be read: {result}.")
    return result


def attempt(file: Path, form: Form, box: Box | None = None) -> Pixels | str:
    """Return the pixels, of the box alone if there is one, or why there are none."""
    result = _guarded(file, lambda image: _to_form(image, form, box), reach=None if box else form.reach)
    return result if isinstance(result, str) else np.asarray(result, dtype=np.uint8)


def converted(image: Any, form: Form) -> Pixels | str:
    """Return the pixels of a PIL picture or of a uint8 array (H, W) or (H, W, channels), or why there are none."""
    from PIL import Image

    try:
        opened = image if isinstance(image, Image.Image) else Image.fromarray(_plain(np.asarray(image)))
        return np.asarray(_to_form(opened, form), dtype=np.uint8)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever comes to hand
        return _reason(error)


def _plain(image: NDArray[Any]) -> NDArray[Any]:
    return image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image


def short_side(file: Path, box: Box | None = None) -> int:
    """Return the pixels of the shorter side, from the head of the file; 0 where it cannot be read."""
    if box is not None:
        return int(min(box[2:]))
    from PIL import Image

    try:
        with Image.open(file, formats=formats()) as image:
            return min(image.size)
    except Exception:  # why it cannot be read is told where it is decoded
        return 0


def fault(file: Path, box: Box | None = None) -> str:
    """Return why a file cannot be decoded, "" if it can. Quick: whole JPEGs are rebuilt at an eighth of their size."""
    result = _guarded(file, lambda image: _to_form(image, Form(8, 1, Resize.STRETCH), box), reach=None if box else 8)
    return result if isinstance(result, str) else ""


def _guarded(file: Path, work: Any, *, reach: int | None) -> Any:
    """Open, load and work on a picture, at full size without a reach; return any failure as a sentence."""
    from PIL import Image

    try:
        # a folder, a pipe (which would hang) or a device is no picture
        if not stat.S_ISREG(os.stat(file).st_mode):
            return "it is not a file"
        with Image.open(file, formats=formats()) as image:
            # lets the JPEG decoder skip detail (four times quicker for photos), but keeps both sides at `reach` or more
            if reach is not None:
                image.draft(image.mode, (reach, reach))
            image.load()
            return work(image)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever comes to hand, from SyntaxError to struct.error
        return _reason(error)


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, UnidentifiedImageError):
        return "it is not a picture of a known format"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"it has too many pixels to be decoded safely ({error})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _to_form(image: Picture, form: Form, box: Box | None = None) -> Pixels:
    part = _upright(image) if box is None else _cropped(_upright(image), box)
    flat = _flattened(part, "L" if form.channels == 1 else "RGB")
    pixels = np.asarray(_squared(flat, form))
    return pixels[None] if form.channels == 1 else pixels.transpose(2, 0, 1)


def _upright(image: Picture) -> Picture:
    """Return the picture turned as the camera says; a damaged note about that does not make it unreadable."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _cropped(image: Picture, box: Box) -> Picture:
    """Return all pixels that the box touches, as far as it lies within the picture."""
    x, y, width, height = box
    left, top = math.floor(x), math.floor(y)
    right, bottom = min(image.width, math.ceil(x + width)), min(image.height, math.ceil(y + height))
    if left >= right or top >= bottom:
        raise ValueError(f"its box lies outside the picture of {image.width} x {image.height} pixels")
    return image.crop((left, top, right, bottom))


def _flattened(image: Picture, mode: str) -> Picture:
    """Return the picture in mode L or RGB."""
    from PIL import Image

    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert(mode)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (WHITE, WHITE, WHITE, WHITE))
        return Image.alpha_composite(ground, layer).convert(mode)
    if image.mode == "LAB":
        return _from_lab(image).convert(mode)
    if image.mode not in {"1", "L", "RGB"}:
        image = image.convert("RGB")
    return image.convert(mode)


def _from_lab(image: Picture) -> Picture:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, cast(Any, lab), cast(Any, srgb), outputMode="RGB")
    assert converted is not None  # it works on a copy, so it returns one
    return converted


def _eight_bits(values: NDArray[Any]) -> Pixels:
    """Scale deep pictures to 0..255: whole numbers up to 65535 as 16 bit, fractions up to 1 as such, others stretched.

    >>> _eight_bits(np.array([[0, 65535]], dtype=np.uint16)).tolist()
    [[0, 255]]
    >>> _eight_bits(np.array([[0.0, 1.0]], dtype=np.float32)).tolist()
    [[0, 255]]
    """
    numbers = values.astype(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("its pixels are not all numbers")
    fractions = values.dtype.kind == "f"
    if low >= 0 and fractions and high <= 255:
        scaled = numbers * (255 if high <= 1 else 1)
    elif low >= 0 and not fractions and high <= 65535:
        scaled = numbers / 257
    else:
        scaled = (numbers - low) * (255 / max(high - low, 1e-12))
    return np.round(scaled).astype(np.uint8)


def _squared(image: Picture, form: Form) -> Picture:
    from PIL import Image, ImageOps

    side, method = (form.size, form.size), Image.Resampling.BICUBIC if form.bicubic else Image.Resampling.BILINEAR
    if image.size == side and (form.share == 1 or form.resize is not Resize.CROP):
        return image
    if form.resize is Resize.CROP:
        return ImageOps.fit(image, side, method, bleed=(1 - form.share) / 2)
    if form.resize is Resize.STRETCH:
        return image.resize(side, method)
    scale = form.size / max(image.size)
    # a side may round to nothing in very long pictures
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    canvas = Image.new(image.mode, side)
    corner = (form.size - inner[0]) // 2, (form.size - inner[1]) // 2
    canvas.paste(image.resize(inner, method), corner)
    return canvas

"""Pictures small enough to lie inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import PoolwiseError

SIDE = 96
"""Longest side of a thumbnail in pixels: drawn at 64 to 96 CSS pixels."""
CRISP = 32
"""Pictures up to this size are kept pixel by pixel; larger ones are pressed as photographs."""


@dataclass(frozen=True)
class Thumbnail:
    """A picture as a data: address, with the size to draw it at. `crisp` pixels are not to be smoothed."""

    address: str
    width: int
    height: int
    crisp: bool


def thumbnail_of(source: Callable[[int], NDArray[np.uint8]] | None, sample_id: int) -> Thumbnail | None:
    """Return the thumbnail of a sample; None where there is no picture to be had, which must not cost the report."""
    if source is None:
        return None
    try:
        return encode(source(sample_id))
    except (PoolwiseError, OSError, ValueError, LookupError):
        return None


def encode(pixels: NDArray[np.uint8]) -> Thumbnail:
    """Return a (C, H, W) uint8 picture as a thumbnail; grey for one channel, else the first three as RGB.

    Raises:
        ValueError: another shape or dtype.
    """
    from PIL import Image, features

    if pixels.ndim != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise ValueError(f"a picture is (C, H, W) uint8, got {pixels.shape} {pixels.dtype}")
    grey = pixels.shape[0] < 3
    picture = Image.fromarray(np.ascontiguousarray(pixels[0] if grey else pixels[:3].transpose(1, 2, 0)))
    crisp = max(picture.size) <= CRISP
    if not crisp:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    kind = "png" if crisp else "webp" if features.check("webp") else "jpeg"
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"optimize": True} if crisp else {"quality": 75}))
    width, height = _drawn(*picture.size)
    return Thumbnail(f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}", width, height, crisp)


def _drawn(width: int, height: int) -> tuple[int, int]:
    """CSS size: small pictures are blown up by a whole factor to about 64, so that their pixels stay square."""
    longest = max(width, height)
    factor = max(1, round(64 / longest)) if longest <= CRISP else 1
    return width * factor, height * factor

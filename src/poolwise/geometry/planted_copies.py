"""Altered copies of pictures, planted among them to learn at which cosine copies are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Alteration = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]
"""One (C, H, W) picture of values 0..255 and a generator to another such picture; values are cut to the range later."""

# fmt: off
LUMINANCE = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
], dtype=np.float32)
"""Steps of JPEG at quality 50 (ITU-T T.81, annex K, table K.1)."""
# fmt: on


def shifted(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Shift by up to a sixteenth of a side each way, in whole pixels, at least one; the edge goes on outwards."""
    most = [max(1, size // 16) for size in picture.shape[1:]]
    while not any(by := [int(rng.integers(-far, far + 1)) for far in most]):
        pass
    padded = np.pad(picture, [(0, 0), *((far, far) for far in most)], mode="edge")
    top, left = (far + step for far, step in zip(most, by, strict=True))
    return padded[:, top : top + picture.shape[1], left : left + picture.shape[2]]


def turned(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Turn by 3 to 8 degrees, either way."""
    from scipy.ndimage import rotate

    angle = rng.uniform(3, 8) * rng.choice([-1, 1])
    return np.asarray(rotate(picture, angle, axes=(2, 1), reshape=False, order=1, mode="nearest"))


def cropped(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Cut off a sixteenth of a side, at a random place, and draw what is left out to the old size."""
    from scipy.ndimage import zoom

    height, width = picture.shape[1:]
    cut = [max(1, size // 16) for size in (height, width)]
    top, left = (int(rng.integers(0, size + 1)) for size in cut)
    part = picture[:, top : top + height - cut[0], left : left + width - cut[1]]
    factors = (1, height / part.shape[1], width / part.shape[2])
    return np.asarray(zoom(part, factors, order=1, mode="nearest", grid_mode=True))


def brightened(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Make brighter or darker by 15 to 40 of 255."""
    return picture + np.float32(rng.uniform(15, 40) * rng.choice([-1, 1]))


def contrasted(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Multiply the contrast by 0.6 to 0.8, or divide by it."""
    factor = np.float32(rng.uniform(0.6, 0.8) ** rng.choice([-1, 1]))
    return np.asarray((picture - picture.mean()) * factor + picture.mean())


def noisy(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Add Gaussian noise of 5 to 12 of 255."""
    return picture + np.float32(rng.uniform(5, 12)) * rng.standard_normal(picture.shape, dtype=np.float32)


def compressed(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Round cosines of 8 x 8 blocks as JPEG does at quality 30 to 70, each channel as if it were luminance."""
    from scipy.fft import dctn, idctn

    channels, height, width = picture.shape
    padded = np.pad(picture, [(0, 0), (0, -height % 8), (0, -width % 8)], mode="edge") - 128
    blocks = padded.reshape(channels, padded.shape[1] // 8, 8, padded.shape[2] // 8, 8).swapaxes(2, 3)
    quality = rng.uniform(30, 70)
    steps = LUMINANCE * (50 / quality if quality < 50 else 2 - quality / 50)
    rounded = np.round(dctn(blocks, axes=(3, 4), norm="ortho") / steps) * steps
    restored = idctn(rounded, axes=(3, 4), norm="ortho").swapaxes(2, 3).reshape(padded.shape) + 128
    return np.asarray(restored[:, :height, :width])


def mirrored(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Swap left and right."""
    return picture[:, :, ::-1]


ALTERATIONS: dict[str, Alteration] = {
    "shift": shifted,
    "rotation": turned,
    "crop": cropped,
    "brightness": brightened,
    "contrast": contrasted,
    "noise": noisy,
    "compression": compressed,
    "flip": mirrored,
}
"""By name. All but `flip` are planted unless said otherwise: a mirrored letter is another letter."""


def altered(pictures_nchw: Pixels, kinds: NDArray[Any], rng: np.random.Generator) -> Pixels:
    """Return one copy of each of (n, C, H, W) pictures, altered as (n,) kinds, names of `ALTERATIONS`, say.

    >>> picture = np.array([[[[1, 2], [3, 4]]]], dtype=np.uint8)
    >>> altered(picture, np.array(["flip"]), np.random.default_rng(0)).tolist()
    [[[[2, 1], [4, 3]]]]
    """
    copies = np.empty_like(pictures_nchw)
    for place, (picture, kind) in enumerate(zip(pictures_nchw, kinds, strict=True)):
        made = ALTERATIONS[str(kind)](picture.astype(np.float32), rng)
        copies[place] = np.clip(np.round(made), 0, 255).astype(np.uint8)
    return copies

"""Lay one picture over another: a shift, a turn, a zoom, brightness and contrast by least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.float32]

LIMITS = np.array([2.5, 2.5, 0.2, 0.15], dtype=np.float32)
"""Pixels, radians and logarithm of size beyond which nothing is looked for; a turn of 0.2 is 11 degrees."""
LARGEST_STEP = np.array([1, 1, 0.1, 0.07], dtype=np.float32)
RIDGE = 1e-3
"""Added to the squares of normalised directions, as flat pictures do not say how they moved."""


def aligned(pictures_nhw: Pictures, targets_nhw: Pictures, start: Pictures, steps: int) -> Pictures:
    """Return how to move each picture onto its target (Lucas and Kanade 1981, section 4, with a turn, a zoom and contrast).

    Each step takes the picture as linear in small motions and solves for these, for contrast and for brightness at once.

    Args:
        pictures_nhw: smooth pictures (n, h, w).
        targets_nhw: of the same shape.
        start: (n, 4) pixels to the right, pixels down, radians, logarithm of the size; where to begin.
        steps: how many.

    Returns:
        (n, 4), for `moved`.
    """
    count = len(pictures_nhw)
    wanted = _without_mean(targets_nhw.reshape(count, -1))
    motion = start
    down, right = _places(*pictures_nhw.shape[1:])
    for _ in range(steps):
        shown = moved(pictures_nhw, motion)
        by_row, by_column = np.gradient(shown, axis=(1, 2))
        by_turn = right * by_row - down * by_column
        by_zoom = right * by_column + down * by_row
        causes = np.stack([array.reshape(count, -1) for array in (shown, by_column, by_row, by_turn, by_zoom)], axis=1)
        motion = np.clip(motion + _step(_without_mean(causes), wanted), -LIMITS, LIMITS)
    return motion


def moved(pictures_nhw: Pictures, motion: Pictures) -> Pictures:
    """Return (n, h, w) pictures shifted, turned about their middle and scaled, bilinearly; edges go on outwards.

    >>> moved(np.arange(4, dtype=np.float32).reshape(1, 1, 4).repeat(2, axis=1), np.array([[1, 0, 0, 0]], dtype=np.float32))[0, 0]
    array([1., 2., 3., 3.], dtype=float32)
    """
    count, height, width = pictures_nhw.shape
    down, right = (array.reshape(-1) for array in _places(height, width))
    size = np.exp(motion[:, 3:])
    cos, sin = size * np.cos(motion[:, 2:3]), size * np.sin(motion[:, 2:3])
    x = np.clip(cos * right - sin * down + motion[:, :1] + (width - 1) / 2, 0, width - 1)
    y = np.clip(sin * right + cos * down + motion[:, 1:2] + (height - 1) / 2, 0, height - 1)
    left, top = np.minimum(x.astype(np.int32), width - 2), np.minimum(y.astype(np.int32), height - 2)
    x -= left
    y -= top
    flat = pictures_nhw.reshape(-1)
    at = top * width + left + np.arange(count, dtype=np.int64)[:, None] * (height * width)
    upper = flat[at] + x * (flat[at + 1] - flat[at])
    at += width
    lower = flat[at] + x * (flat[at + 1] - flat[at])
    return np.asarray(upper + y * (lower - upper)).reshape(pictures_nhw.shape)


def best_shift(pictures_nhw: Pictures, targets_nhw: Pictures) -> Pictures:
    """Return (n, 4) the motion of at most a whole pixel each way after which a picture and its target correlate most."""
    count, height, width = pictures_nhw.shape
    padded = np.pad(pictures_nhw, ((0, 0), (1, 1), (1, 1)), mode="edge")
    wanted = _without_mean(targets_nhw.reshape(count, -1))
    ways = [(x, y) for y in (0, -1, 1) for x in (0, -1, 1)]
    fits = []
    for x, y in ways:
        shifted = _without_mean(padded[:, 1 + y : 1 + y + height, 1 + x : 1 + x + width].reshape(count, -1))
        square = np.einsum("nd,nd->n", shifted, shifted)
        fits.append(np.einsum("nd,nd->n", shifted, wanted) / np.sqrt(square + np.finfo(np.float32).tiny))
    return np.asarray(np.array([(x, y, 0, 0) for x, y in ways], dtype=np.float32)[np.argmax(fits, axis=0)])


def _step(causes_npd: Pictures, wanted: Pictures) -> Pictures:
    """Return (n, 4) least-squares motion: the first cause is the picture, with the contrast, the others its change."""
    squares = np.matmul(causes_npd, causes_npd.transpose(0, 2, 1)).astype(np.float64)
    products = np.matmul(causes_npd, wanted[:, :, None]).astype(np.float64)
    scale = 1 / np.sqrt(np.einsum("npp->np", squares) + np.finfo(np.float32).tiny)[:, :, None]
    normal = squares * scale * scale.transpose(0, 2, 1) + RIDGE * np.eye(5)
    shares = (np.linalg.solve(normal, products * scale) * scale)[:, :, 0]
    step = shares[:, 1:] / np.maximum(shares[:, :1], 0.2)  # less contrast than that is no copy
    return np.asarray(np.clip(step, -LARGEST_STEP, LARGEST_STEP), dtype=np.float32)


def _places(height: int, width: int) -> tuple[Pictures, Pictures]:
    """Return (h, w) how far each pixel lies below and to the right of the middle."""
    down = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    right = np.arange(width, dtype=np.float32)[None, :] - (width - 1) / 2
    return np.broadcast_arrays(down.astype(np.float32), right.astype(np.float32))  # type: ignore[return-value]


def _without_mean(rows: Pictures) -> Pictures:
    return np.asarray(rows - rows.mean(axis=-1, keepdims=True))

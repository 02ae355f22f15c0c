"""Comparison of two pictures by their pixels: are they copies of one?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.geometry.registration import Pictures, aligned, best_shift, moved

SIDE = 32
"""Pixels a side at most, when pictures are compared."""
COARSE = 16
"""The same for a first look, which most pairs do not pass."""
FIRST_LOOK = 0.98
"""Correlation of coarse pictures, moved onto each other, below which the pair is not looked at further."""
FINE, BROAD = 0.7, 2.0
"""Widths in pixels of two blurs; what lies between them is compared: strokes and texture, neither light nor noise."""
FAINT = 0.004
"""Details of less contrast than this, of a whole range of 1, are noise: one grey level of 255."""


def alike(first_nchw: NDArray[Any], second_nchw: NDArray[Any]) -> NDArray[np.float32]:
    """Return how surely two pictures are one, shifted, turned, zoomed, brightened, compressed a little: 1 same, 0 others.

    Each picture is laid over the other by `registration`; the score is the better correlation of the two ways, between
    the details that a fine blur leaves and a broad one takes away (Marr and Hildreth 1980, section 1), over all channels,
    without the border. Blank pictures are alike. Coarse pictures are compared first; where these differ the score is 0.

    Args:
        first_nchw: (n, C, H, W) uint8, or floats in a range of about 1.
        second_nchw: the others, of the same shape.

    Returns:
        (n,) in [0, 1]; the same for both orders.

    >>> spot = np.zeros((1, 1, 12, 12), dtype=np.uint8)
    >>> spot[0, 0, 5:7, 2:10] = 200
    >>> alike(spot, np.roll(spot // 2, 1, axis=3)).round(1).tolist(), alike(spot, spot.transpose(0, 1, 3, 2)).tolist()
    ([1.0], [0.0])
    """
    first, second = scaled(reduced(first_nchw)), scaled(reduced(second_nchw))
    one, motion = _first_look(first, second)
    other, back = _first_look(second, first)
    score = np.zeros(len(first), dtype=np.float32)
    close = np.flatnonzero(np.maximum(one, other) >= FIRST_LOOK)
    if len(close):
        first, second = first[close], second[close]
        score[close] = np.maximum(_fit(first, second, motion[close]), _fit(second, first, back[close]))
    return np.clip(score, 0, 1)


def reduced(pictures_nchw: NDArray[Any], side: int = SIDE) -> NDArray[Any]:
    """Return (n, C, h, w) pictures of at most `side` pixels a side, each the mean of its area; dtype is kept.

    >>> reduced(np.array([[[[0, 2], [4, 6]]]], dtype=np.uint8), side=1).tolist()
    [[[[3]]]]
    """
    height, width = pictures_nchw.shape[2:]
    if max(height, width) <= side:
        return pictures_nchw
    rows, columns = _areas(height, min(height, side)), _areas(width, min(width, side))
    small = np.empty((*pictures_nchw.shape[:2], len(rows), len(columns)), dtype=pictures_nchw.dtype)
    for at, picture in enumerate(pictures_nchw):
        mean = rows @ picture.astype(np.float32) @ columns.T
        small[at] = mean.round() if pictures_nchw.dtype.kind in "ui" else mean
    return small


def scaled(pictures_nchw: NDArray[Any]) -> Pictures:
    """Return floats; bytes become 0..1."""
    return np.asarray(pictures_nchw / np.float32(255 if pictures_nchw.dtype.kind in "ui" else 1), dtype=np.float32)


def blurred(pictures_nhw: Pictures, width: float) -> Pictures:
    """Blur the last two axes with a Gaussian; edges go on outwards."""
    for axis in (-2, -1):
        pictures_nhw = np.moveaxis(
            np.moveaxis(pictures_nhw, axis, -1) @ _blur(pictures_nhw.shape[axis], width).T, -1, axis
        )
    return np.ascontiguousarray(pictures_nhw)


def _first_look(first: Pictures, second: Pictures) -> tuple[Pictures, Pictures]:
    """Return (n,) correlation of coarse grey pictures, the first moved onto the second, and (n, 4) the motion in pixels."""
    grey = [blurred(reduced(array.mean(axis=1, keepdims=True), COARSE)[:, 0], FINE) for array in (first, second)]
    scale = np.array([first.shape[3] / grey[0].shape[2], first.shape[2] / grey[0].shape[1], 1, 1], dtype=np.float32)
    motion = aligned(grey[0], grey[1], best_shift(grey[0], grey[1]), steps=2)
    return _correlation(moved(grey[0], motion), grey[1]), motion * scale


def _fit(first: Pictures, second: Pictures, motion: Pictures) -> Pictures:
    """Return (n,) correlation of details, the first moved onto the second from (n, 4) on."""
    motion = aligned(blurred(first.mean(axis=1), 1.0), blurred(second.mean(axis=1), 1.0), motion, steps=1)
    channels = first.shape[1]
    laid = moved(first.reshape(-1, *first.shape[2:]), np.repeat(motion, channels, axis=0)).reshape(first.shape)
    details = [blurred(array, FINE) - blurred(array, BROAD) for array in (laid, second)]
    edge_y, edge_x = (size // 16 for size in first.shape[2:])
    inner = [array[:, :, edge_y : array.shape[2] - edge_y, edge_x : array.shape[3] - edge_x] for array in details]
    return _correlation(*inner)


def _correlation(first: Pictures, second: Pictures) -> Pictures:
    """Return (n,) between -1 and 1; 1 for two blank pictures, near 0 for one."""
    rows = [array.reshape(len(array), -1) for array in (first, second)]
    rows = [array - array.mean(axis=1, keepdims=True) for array in rows]
    faint = FAINT**2 * rows[0].shape[1]
    squares = [np.einsum("nd,nd->n", array, array) + faint for array in rows]
    return np.asarray((np.einsum("nd,nd->n", *rows) + faint) / np.sqrt(squares[0] * squares[1]), dtype=np.float32)


def _areas(size: int, small: int) -> Pictures:
    """Return (small, size) which share of each pixel lies in each of `small` equal parts, rows summing to 1."""
    ends = np.linspace(0, size, small + 1)
    pixel = np.arange(size)
    shares = np.minimum(ends[1:, None], pixel + 1) - np.maximum(ends[:-1, None], pixel)
    return np.asarray(np.maximum(shares, 0) * small / size, dtype=np.float32)


def _blur(size: int, width: float) -> Pictures:
    """Return (size, size) the matrix of a Gaussian blur whose weights beyond an edge go to the pixel at the edge."""
    reach = np.arange(-int(4 * width + 1), int(4 * width + 1) + 1)
    weights = np.exp(-0.5 * (reach / width) ** 2)
    matrix = np.zeros((size, size), dtype=np.float32)
    pixel = np.arange(size)
    for step, weight in zip(reach, weights / weights.sum(), strict=True):
        np.add.at(matrix, (pixel, np.clip(pixel + step, 0, size - 1)), weight)
    return matrix

"""Small copies of all pictures of a pool, and which pairs of them show one picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Ids
from poolwise.geometry.pixels import COARSE, alike, blurred, reduced, scaled

Read = Callable[[Ids], NDArray[np.uint8]]
"""Row numbers (n,) to pictures (n, C, H, W)."""

TOGETHER = 256
"""Pictures, or pairs of them, in memory at once."""
NOT_AT_ALL = 0.8
"""Correlation of coarse grey pictures as they lie, below which they are not laid over each other: of planted copies of
MNIST, Fashion-MNIST and CIFAR-10 199 in 200 are above .87."""
FAINT = 1e-3
"""Added to squares, so that blank pictures have no direction."""


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Thumbnails of the pictures of a pool: 3.5 KB of a picture in colour, 1.5 KB of a grey one.

    Attributes:
        small: (N, C, h, w) uint8, at most 32 pixels a side.
        coarse: (N, 256) float16 at most, grey and blurred, of mean 0 and length 1; zeros for a blank picture.
        digests: (N,) 16 bytes that are equal where all pixels are.
    """

    small: NDArray[np.uint8]
    coarse: NDArray[np.float16]
    digests: NDArray[np.void]

    def same(self, pairs: Ids) -> NDArray[np.bool_]:
        """Return (p,) whether all pixels of (p, 2) pictures are equal."""
        return np.asarray(self.digests[pairs[:, 0]] == self.digests[pairs[:, 1]])

    def alike(self, pairs: Ids) -> NDArray[np.float32]:
        """Return (p,) score of `pixels.alike` for (p, 2) pairs; 1 where all pixels are equal, 0 where little is."""
        score = self.same(pairs).astype(np.float32)
        for at in range(0, len(pairs), TOGETHER):
            some = pairs[at : at + TOGETHER]
            one, other = (self.coarse[side].astype(np.float32) for side in some.T)
            blank = ~one.any(axis=1) & ~other.any(axis=1)
            near = (np.einsum("nd,nd->n", one, other) >= NOT_AT_ALL) | blank
            open_ = np.flatnonzero(near & (score[at : at + TOGETHER] == 0))
            if len(open_):
                first, second = some[open_].T
                score[at + open_] = alike(self.small[first], self.small[second])
        return score


def thumbnails(read: Read, count: int) -> Thumbnails:
    """Look at each of `count` pictures once.

    >>> grey = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)
    >>> kept = thumbnails(lambda ids: np.concatenate([grey, grey, 255 - grey])[ids], 3)
    >>> kept.same(np.array([[0, 1], [0, 2]])).tolist(), kept.alike(np.array([[0, 1], [0, 2]])).tolist()
    ([True, False], [1.0, 0.0])
    """
    small, coarse, digests = [], [], []
    for at in range(0, count, TOGETHER):
        pictures = read(np.arange(at, min(at + TOGETHER, count)))
        digests += [hashlib.blake2b(picture.tobytes(), digest_size=16).digest() for picture in pictures]
        small.append(reduced(pictures))
        coarse.append(_coarse(pictures))
    return Thumbnails(np.concatenate(small), np.concatenate(coarse), np.array(digests, dtype="V16"))


def _coarse(pictures_nchw: NDArray[Any]) -> NDArray[np.float16]:
    grey = blurred(reduced(scaled(pictures_nchw).mean(axis=1, keepdims=True), COARSE)[:, 0], 1.0)
    rows = grey.reshape(len(grey), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(lengths > FAINT, rows / np.maximum(lengths, FAINT), 0).astype(np.float16)

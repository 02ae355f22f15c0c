"""The k nearest other rows of each row, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats

EXACT_UP_TO = 20_000
"""Rows up to which all are compared with all: 20,000 x 20,000 x 256 is 0.2 * 10^12 operations."""
PROBED = 16
"""Cells searched for each row above that. Neighbours that lie further cells away are missed; few rows notice."""
PER_CELL = 64
"""Rows a cell on average."""
MOST_CELLS = 4096
BATCH = 65_536
"""Rows asked for at once, so that the answers of a large pool stay small."""


def k_nearest(points: Floats, k: int) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.float32]]]:
    """Return rows of blocks, their nearest other rows, nearest first, and Euclidean distances.

    Exact up to 20,000 rows. Above, the neighbours are looked for in the 16 nearest of up to 4096 cells, which finds
    nearly all of them and never too near ones; the cells depend on the rows alone, not on a generator.

    Args:
        points: (N, D) float32, N >= 2; about their mean they lose fewest digits.
        k: how many, from 1 to N - 1.

    Yields:
        rows (a slice of n), (n, k) row numbers, -1 where too few were found, and (n, k) distances, 0 there.

    >>> (rows, which, distances), *_ = k_nearest(np.array([[0.0], [1.0], [3.0]], dtype=np.float32), 1)
    >>> which[:, 0].tolist(), distances[:, 0].tolist()
    ([1, 0, 1], [1.0, 1.0, 2.0])
    """
    index = _index(points)
    for start in range(0, len(points), BATCH):
        block = points[start : start + BATCH]
        # the row itself comes among the nearest, though not always first where it has copies
        squared, which = index.search(block, k + 1)
        own = which == np.arange(start, start + len(block))[:, None]
        order = np.argsort(own, axis=1, kind="stable")[:, :k]
        which = np.take_along_axis(which, order, axis=1)
        distances = np.sqrt(np.maximum(np.take_along_axis(squared, order, axis=1), 0))
        distances[which < 0] = 0
        yield slice(start, start + len(block)), which.astype(np.int64), distances


def _index(points: Floats) -> Any:
    """Return the faiss index that holds all rows."""
    import faiss

    count, width = points.shape
    if count <= EXACT_UP_TO:
        index: Any = faiss.IndexFlatL2(width)
    else:
        cells = min(MOST_CELLS, count // PER_CELL)
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, cells, faiss.METRIC_L2)
        index.nprobe = PROBED
        index.cp.niter = 5
        index.cp.max_points_per_centroid = PER_CELL
        index.cp.min_points_per_centroid = 1  # faiss would print a warning below 39
        index.train(points)
    index.add(points)
    return index

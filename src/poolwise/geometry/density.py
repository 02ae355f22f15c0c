"""How dense the neighbourhood of each row is, by its nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.geometry.neighbours import squared_lengths
from poolwise.types import Floats

EXACT_UP_TO = 20_000
"""Rows up to which all are compared with all: 20,000 x 20,000 x 256 is 0.2 * 10^12 operations."""
PROBED = 16
"""Cells searched for each row above that. Neighbours that lie further cells away are missed; few rows notice."""
PER_CELL = 64
"""Rows a cell on average."""
MOST_CELLS = 4096
BATCH = 65_536
"""Rows asked for at once, so that the answers of a large pool stay small."""
ROUNDING = 1e-3
"""Distances below this share of a row's length, or of the typical length, are rounding: float32 keeps 1e-6 of a square."""


def typicality(points: Floats, k: int = 20) -> Floats:
    """One over the mean distance to the nearest other rows (Hacohen et al. 2022, equation 4); higher is denser.

    Exact up to 20,000 rows. Above, the neighbours are looked for in the 16 nearest of up to 4096 cells, which finds
    nearly all of them and never too near ones; the cells depend on the rows alone, not on a generator.

    Args:
        points: (N, D) rows.
        k: how many neighbours; at most N - 1 are used.

    Returns:
        (N,) float32, finite and at least 0. A row without any other has 0. Distances that are no more than rounding
        count as equal, so copies of one picture are equally typical.

    >>> typicality(np.array([[0.0], [1.0], [3.0]]), k=1).round(3).tolist()
    [1.0, 1.0, 0.5]
    """
    k = min(k, len(points) - 1)
    if k < 1:
        return np.zeros(len(points), dtype=np.float32)
    # about a common origin, distances lose fewer digits in float32
    centred = np.ascontiguousarray(
        points - points.mean(axis=0, dtype=np.float64).astype(points.dtype), dtype=np.float32
    )
    return inverse(_mean_distances(centred, k), centred)


def inverse(distances: NDArray[np.float32], centred: Floats) -> Floats:
    """(N,) one over distances (N,), those within the rounding of the rows (N, D) taken as that; infinite ones give 0."""
    squared = squared_lengths(centred)
    rounding = ROUNDING * np.sqrt(np.maximum(squared, squared.mean()))
    floor = np.maximum(rounding, np.finfo(np.float32).tiny)
    return np.asarray(1 / np.maximum(distances, floor), dtype=np.float32)


def _mean_distances(centred: Floats, k: int) -> NDArray[np.float32]:
    """(N,) mean Euclidean distance to the k nearest other rows; infinite where none was found."""
    index = _index(centred)
    means = np.empty(len(centred), dtype=np.float32)
    for start in range(0, len(centred), BATCH):
        # the row itself comes among the nearest, so one more is asked for and the first is left out
        squared, which = index.search(centred[start : start + BATCH], k + 1)
        found = which[:, 1:] >= 0
        distances = np.sqrt(np.maximum(squared[:, 1:], 0), where=found, out=np.zeros((len(which), k), dtype=np.float32))
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = distances.sum(axis=1) / found.sum(axis=1)
        means[start : start + BATCH] = np.where(found.any(axis=1), mean, np.inf)
    return means


def _index(centred: Floats) -> Any:
    """The faiss index that holds all rows."""
    import faiss

    count, width = centred.shape
    if count <= EXACT_UP_TO:
        index: Any = faiss.IndexFlatL2(width)
    else:
        cells = min(MOST_CELLS, count // PER_CELL)
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, cells, faiss.METRIC_L2)
        index.nprobe = PROBED
        index.cp.niter = 5
        index.cp.max_points_per_centroid = PER_CELL
        index.cp.min_points_per_centroid = 1  # faiss would print a warning below 39
        index.train(centred)
    index.add(centred)
    return index

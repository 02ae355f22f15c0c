"""All pairs of rows that point nearly the same way, and no comparison that cannot find one.

Two bounds hold for every pair, so the search is exact on whatever data:

1. Rows lie in cells around centres. Half-way between two centres runs a plane; a row that is farther from it than the
   distance asked for has no near row beyond it (Chavez et al. 2001, "Searching in Metric Spaces", section 7).
2. x.y <= x'.y' + |x''| |y''| where ' is the part of a row along a few principal directions and '' the rest (Cauchy and
   Schwarz), so most pairs are settled by short products.

The first helps where there are clusters; the second also in noise, as long as the cosine asked for is high. Neither helps
where nearly all rows point nearly the same way: then all pairs are compared in full.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

from poolwise.core.types import Floats
from poolwise.geometry.neighbours import ROUNDING, blocks, nearest, squared_lengths
from poolwise.geometry.pair_graph import PairGraph, Pairs, Rows

MOST = 10_000_000
"""Pairs kept in memory: 200 MB, three times that while they are sorted."""
TILE = 1024
"""Rows compared with as many others in one product: 4 MB of float32."""
AT_ONCE = 4096
"""Pairs that are compared in full at once, at least."""
SLACK = 1e-5
"""Bounds are taken this much wider: float32 products of rows of length 1 err by 1e-6."""
PER_CELL = 64
"""Rows that k-means looks at for each centre; where the centres lie changes the time, not the answer."""
SAMPLE = 2048
"""Rows whose pairs tell how many principal directions make the search cheapest."""
WIDTHS = (16, 24, 32, 48, 64, 96)
MANY = 0.01
"""Share of the pairs of a product from which on comparing all of them in full is cheaper than picking them out."""
PRODUCT, COLUMN, PICKED = 0.5, 0.02, 200.0
"""Measured nanoseconds of a pair: in a product, for each of its columns, picked out and compared in full."""


class Cells(NamedTuple):
    """Rows but zeros, scaled to length 1, those of a cell one after another.

    Attributes:
        unit: (n, D) float32.
        rows: (n,) which rows of the matrix they are.
        centres: (M, D); each row is in the cell of the nearest.
        starts: (M + 1,) where cells begin in `unit`.
    """

    unit: Floats
    rows: Rows
    centres: Floats
    starts: Rows


def near_pairs(
    points: Floats,
    threshold: float,
    *,
    agrees: Callable[[Rows], NDArray[np.bool_]] | None = None,
    most: int = MOST,
) -> Pairs:
    """Return all pairs of rows whose cosine reaches a threshold: exactly those that comparing all with all finds.

    The cosine is computed in float64 and counts from `threshold` - 0.000001 on, so copies that were scaled or rounded to
    float32 reach 1. Zeros point nowhere and are in no pair. No matrix of all pairs is made.

    A heap of rows that are all near each other has too many pairs to keep. Once more than `most` are found, only as many
    are kept as join each group, and rows that are joined already are compared no further.

    Args:
        points: (N, D) finite rows of any float type.
        threshold: above 0, at most 1.
        agrees: a second test: which of (p, 2) near rows are pairs.
        most: pairs to keep; a forest that joins all groups is kept in any case.

    >>> found = near_pairs(np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 0.1]]), 0.9)
    >>> found.rows.tolist(), found.cosine.round(3).tolist(), found.complete
    ([[0, 2]], [0.9990000128746033], True)
    """
    bar = threshold - ROUNDING
    graph = PairGraph(len(points), most)
    cells = _cells(points)
    short = _shortened(cells.unit, bar - SLACK)
    for candidates in _together(_candidates(cells, short, bar - SLACK, graph)):
        for some in blocks(len(candidates), points.shape[1]):
            part = graph.unjoined(candidates[some])
            cosine = _cosines(points, part)
            near = np.flatnonzero(cosine >= bar)
            if agrees is not None and len(near):
                near = near[agrees(part[near])]
            graph.add(part[near], np.minimum(cosine[near], 1).astype(np.float32))
    return graph.pairs()


def _candidates(cells: Cells, short: Floats, bar: float, graph: PairGraph) -> Iterator[Rows]:
    """Yield (p, 2) rows that may reach the bar and are not joined yet, tile by tile; several at once, always in order."""
    import faiss

    workers = faiss.omp_get_max_threads()
    tiles = (tile for tile in _tiles(cells, bar) if not graph.joined(cells.rows[tile[0]], cells.rows[tile[1]]))
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        # numpy releases the interpreter in products and comparisons; threads within a product would wait for one another
        ahead: deque[Future[tuple[Rows, Rows]]] = deque()
        for tile in tiles:
            ahead.append(pool.submit(_reaching, short, cells.unit, *tile, bar))
            if len(ahead) > 4 * workers:
                yield _named(cells, *ahead.popleft().result())
        while ahead:
            yield _named(cells, *ahead.popleft().result())


def _named(cells: Cells, i: Rows, j: Rows) -> Rows:
    """Return (p, 2) rows of the matrix, the lower one first."""
    return np.sort(np.column_stack([cells.rows[i], cells.rows[j]]), axis=1)


def _together(parts: Iterable[Rows]) -> Iterator[Rows]:
    """Yield lists of pairs joined to some thousands, as each comparison in full has a price of its own."""
    held: list[Rows] = []
    count = 0
    for part in parts:
        if len(part):
            held.append(part)
            count += len(part)
        if count >= AT_ONCE:
            yield np.concatenate(held)
            held, count = [], 0
    if held:
        yield np.concatenate(held)


def _cells(points: Floats) -> Cells:
    """Scale rows and cut them into about as many cells as the root of their number."""
    unit = np.empty(points.shape, dtype=np.float32)
    lengths = np.empty(len(points))
    for some in blocks(*points.shape):
        block = points[some].astype(np.float64)
        lengths[some] = np.linalg.norm(block, axis=1)
        unit[some] = block / np.where(lengths[some] > 0, lengths[some], 1)[:, None]
    rows = np.flatnonzero(lengths > 0)
    unit = unit if len(rows) == len(unit) else unit[rows]
    if len(rows) <= 4 * TILE:
        return Cells(unit, rows, np.zeros((1, points.shape[1]), dtype=np.float32), np.array([0, len(rows)]))
    centres = _centres(unit)
    assigned = nearest(unit, centres)[0]
    order = np.argsort(assigned, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(assigned, minlength=len(centres)))])
    return Cells(unit[order], rows[order], centres, starts)


def _centres(unit: Floats) -> Floats:
    """Return (M, D) centres of k-means; they depend on the rows alone."""
    import faiss

    cells = int(np.sqrt(len(unit)))
    sample = unit[_spread(len(unit), PER_CELL * cells)]
    machine = faiss.Kmeans(
        sample.shape[1], cells, niter=8, seed=1, min_points_per_centroid=1, max_points_per_centroid=PER_CELL
    )
    machine.train(sample)
    return np.asarray(machine.centroids, dtype=np.float32)


def _spread(count: int, wanted: int) -> Rows:
    """Return at most so many of `count` rows, evenly."""
    return np.linspace(0, count - 1, min(count, wanted)).astype(np.int64)


def _tiles(cells: Cells, bar: float) -> Iterator[tuple[Rows, Rows]]:
    """Yield places in cells to compare all with all; of a list with itself each pair once. No other reaches the bar."""
    reach = np.sqrt(max(0.0, 2 - 2 * bar))
    lengths = squared_lengths(cells.centres)
    members = [np.arange(begin, end) for begin, end in zip(cells.starts, cells.starts[1:], strict=False)]
    for own, mine in enumerate(members):
        yield from _cut(mine, mine)
        apart = np.sqrt(np.maximum(0, lengths + lengths[own] - 2 * cells.centres @ cells.centres[own]))
        beyond = lengths - 2 * cells.unit[mine] @ cells.centres.T
        beyond -= beyond[:, own, None].copy()  # over twice the distance of the centres this is how far the plane is
        near = beyond <= 2 * apart * reach + SLACK
        for other in np.flatnonzero(near[:, own + 1 :].any(axis=0)) + own + 1:
            yield from _cut(mine[near[:, other]], members[other])


def _cut(first: Rows, second: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Yield two lists in pieces, each against each; a list against itself only once."""
    for at in range(0, len(first), TILE):
        mine = first[at : at + TILE]
        for to in range(at if first is second else 0, len(second), TILE):
            yield mine, mine if first is second and at == to else second[to : to + TILE]


def _reaching(short: Floats, unit: Floats, first: Rows, second: Rows, bar: float) -> tuple[Rows, Rows]:
    """Return pairs of two lists whose cosine may reach the bar."""
    cells = np.flatnonzero(short[first] @ short[second].T >= bar)
    if short is not unit and len(cells) > MANY * len(first) * len(second):
        cells = np.flatnonzero(unit[first] @ unit[second].T >= bar)
    i, j = np.divmod(cells, max(1, len(second)))
    if first is second:
        i, j = i[i < j], j[i < j]
    return first[i], second[j]


def _shortened(unit: Floats, bar: float) -> Floats:
    """Return (n, d + 1) rows along principal directions and the length of the rest, or the rows where that is quicker.

    How many directions: what makes the search cheapest among pairs of a sample.
    """
    some = unit[_spread(len(unit), SAMPLE)]
    principal = np.linalg.eigh((some.T @ some).astype(np.float64))[1][:, ::-1].astype(np.float32)
    costs = {unit.shape[1]: PRODUCT + COLUMN * unit.shape[1]}
    for width in WIDTHS:
        if width < unit.shape[1]:
            short = _with_rest(some, principal[:, :width])
            picked = float((short @ short.T >= bar).mean() - (some @ some.T >= bar).mean())
            costs[width] = PRODUCT + COLUMN * width + PICKED * max(0.0, picked)
    best = min(costs, key=lambda width: costs[width])
    if best == unit.shape[1]:
        return unit
    short = np.empty((len(unit), best + 1), dtype=np.float32)
    for rows in blocks(*unit.shape):
        short[rows] = _with_rest(unit[rows], principal[:, :best])
    return short


def _with_rest(unit: Floats, directions: Floats) -> Floats:
    """Return (n, d + 1) what lies along (D, d) directions, and the length of the rest, never too small by rounding."""
    kept = unit @ directions
    rest = np.sqrt(np.maximum(0, 1 - squared_lengths(kept)) + SLACK / 10)
    return np.column_stack([kept, rest]).astype(np.float32, copy=False)


def _cosines(points: Floats, rows: Rows) -> NDArray[np.float64]:
    """Return (p,) float64 cosine of (p, 2) rows."""
    first, second = (points[side].astype(np.float64) for side in rows.T)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray(np.einsum("pd,pd->p", first, second) / lengths)

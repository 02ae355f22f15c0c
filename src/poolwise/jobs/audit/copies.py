"""Near-copies that can be believed: heaps of look-alikes are taken apart. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.geometry.pair_graph import duplicate_groups


class Copies(Protocol):
    """Near-copies among n samples; see `poolwise.Duplicates`."""

    @property
    def pairs(self) -> NDArray[np.int64]:
        """(P, 2) rows."""

    @property
    def similarity(self) -> Floats:
        """(P,) cosine."""

    @property
    def groups(self) -> NDArray[np.int64]:
        """(n,) group numbers, -1 for none."""

    @property
    def exact(self) -> NDArray[np.bool_]:
        """(P,) whether the pictures are the same, pixel by pixel."""


@dataclass(frozen=True, eq=False)
class Believed:
    """`Copies` without heaps; `heaps` counts those that were taken apart."""

    pairs: NDArray[np.int64]
    similarity: Floats
    groups: NDArray[np.int64]
    exact: NDArray[np.bool_]
    heaps: int


def without_heaps(found: Copies, largest: int) -> Believed:
    """Return near-copies, those of a group of more than `largest` left out unless their pixels are equal.

    Drawings of one kind, ones written by hand say, are near each other without being copies, and chains of such pairs make one
    group of hundreds.

    Args:
        found: near-copies.
        largest: samples that a group may have.
    """
    sizes = np.bincount(found.groups[found.groups >= 0])
    heap = sizes > largest
    stays = found.exact | ~heap[found.groups[found.pairs[:, 0]]] if len(found.pairs) else found.exact
    pairs = found.pairs[stays]
    groups = duplicate_groups(pairs, len(found.groups)) if heap.any() else found.groups
    return Believed(pairs, found.similarity[stays], groups, found.exact[stays], int(heap.sum()))

"""Draw rows in proportion to their classes, groups kept together. Pure.

The order of drawing comes from a hash of (seed, purpose, name), not from a generator: the same pictures are held out
under every numpy version, and adding pictures moves few of the old ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.labels import strata
from poolwise.core.types import Labels, Split, is_known

Rows = NDArray[np.bool_]


def quotas(counts: ArrayLike, total: int, caps: ArrayLike) -> NDArray[np.int64]:
    """Share `total` in proportion to `counts` by largest remainder, none above its cap; ties to the earlier one.

    >>> quotas([50, 30, 21], 10, [50, 30, 21]).tolist()
    [5, 3, 2]
    >>> quotas([8, 2], 5, [3, 2]).tolist()
    [3, 2]
    """
    sizes, most = np.asarray(counts, dtype=np.float64), np.asarray(caps, dtype=np.int64)
    ideal = sizes * total / max(sizes.sum(), 1)
    shares: NDArray[np.int64] = np.minimum(np.floor(ideal).astype(np.int64), most)
    while shares.sum() < min(total, int(most.sum())):
        lacking = np.where(shares < most, ideal - shares, -np.inf)
        shares[int(np.argmax(lacking))] += 1
    return shares


def draw(classes: NDArray[np.int64], units: Sequence[str], count: int, seed: int, purpose: str, spare: int = 0) -> Rows:
    """Mark about `count` rows (exactly, if every unit is one row), stratified; rows of one unit are marked together.

    Args:
        classes: (n,) stratum of each row, see `strata`.
        units: (n,) names; rows that share a name stay together and count for their commonest stratum.
        count: rows wanted.
        seed: of the order of drawing.
        purpose: so that two draws with one seed differ.
        spare: units that every stratum keeps.

    Returns:
        (n,) True for drawn rows.

    >>> int(draw(np.array([0, 0, 0, 1, 1, 1]), list("abcdef"), 2, seed=0, purpose="test").sum())
    2
    """
    names, unit_of, sizes = np.unique(np.asarray(units, dtype=object), return_inverse=True, return_counts=True)
    stratum = _commonest(unit_of, classes)
    order = np.array(sorted(range(len(names)), key=lambda at: _rank(seed, purpose, str(names[at]))), dtype=np.int64)
    queues = [order[stratum[order] == one] for one in np.unique(stratum)]
    open_ = [queue[: len(queue) - spare] for queue in queues]
    shares = quotas([sizes[q].sum() for q in queues], count, [sizes[q].sum() for q in open_])
    taken = [at for queue, share in zip(open_, shares, strict=True) for at in _fill(queue, sizes, int(share))]
    return np.isin(unit_of, taken)


def assign_splits(
    said: Sequence[Split | None],
    labels: Labels,
    units: Sequence[str],
    *,
    test_fraction: float,
    validation_fraction: float,
    seed: int,
) -> NDArray[np.str_]:
    """Return the (N,) split of every row: as said, else pool; hold out test and validation rows where none are said.

    Only labelled rows are drawn; the rest of a drawn unit goes along, lest its near-copies be trained on.
    """
    splits = np.array([Split.POOL.value if split is None else split.value for split in said], dtype="<U10")
    labelled = int((is_known(labels) & (splits == Split.POOL.value)).sum())
    for split, fraction in ((Split.TEST, test_fraction), (Split.VALIDATION, validation_fraction)):
        free = np.flatnonzero(is_known(labels) & (splits == Split.POOL.value))
        if (splits == split.value).any() or fraction <= 0 or len(free) == 0:
            continue
        names = [units[at] for at in free.tolist()]
        drawn = draw(strata(labels[free]), names, round(fraction * labelled), seed, split.value, spare=1)
        chosen = {name for name, picked in zip(names, drawn.tolist(), strict=True) if picked}
        along = np.array([unit in chosen for unit in units], dtype=bool)
        splits[along & (splits == Split.POOL.value)] = split.value
    return splits


def _commonest(unit_of: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the (U,) commonest stratum of each unit, ties to the lower one."""
    pairs, counts = np.unique(np.stack([unit_of, classes], axis=1), axis=0, return_counts=True)
    best_first = pairs[np.lexsort((pairs[:, 1], -counts, pairs[:, 0]))]
    _, first = np.unique(best_first[:, 0], return_index=True)
    commonest: NDArray[np.int64] = best_first[first, 1]
    return commonest


def _fill(queue: NDArray[np.int64], sizes: NDArray[np.int64], share: int) -> list[int]:
    """Return units in order, each if it brings the sum of sizes nearer to the share."""
    taken, filled = [], 0
    for at in queue:
        if 2 * filled + sizes[at] <= 2 * share:
            taken.append(int(at))
            filled += int(sizes[at])
    return taken


def _rank(seed: int, purpose: str, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}/{purpose}/{name}".encode(), digest_size=16).digest()

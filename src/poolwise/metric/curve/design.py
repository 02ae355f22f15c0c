"""Plan of a sample-size experiment: the sizes to train on, how often, and on which samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.errors import ConfigError, InvalidArray, PoolExhausted

SHARES = (0.05, 0.10, 0.20, 0.35, 0.50)
"""Of what is labelled; `complete=True` ends with all of it. Log-spaced, nearly: a tenfold span."""
REPEATS = (5, 5, 4, 3, 3)
"""Small sizes scatter more and cost less."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Cell:
    """One training.

    Attributes:
        size: how many samples.
        repeat: number of the repeat, from 0.
    """

    size: int
    repeat: int


def sizes(
    available: int,
    *,
    complete: bool = False,
    shares: Sequence[float] = SHARES,
    classes: int = 1,
    per_class: int = 2,
) -> tuple[int, ...]:
    """Choose five sizes out of what is labelled, none too small to hold every class.

    Args:
        available: how many labelled samples there are to train on.
        shares: of them, rising; fewer than three give no curve to extrapolate.
        complete: whether the largest size is all of them, not half.
        classes: how many classes there are.
        per_class: how many samples of each class, at least, on average.

    Raises:
        ConfigError: shares outside (0, 1], or too few samples for three different sizes (or as many as there are shares).

    >>> sizes(1000)
    (50, 100, 200, 350, 500)
    >>> sizes(1000, complete=True)
    (50, 100, 200, 350, 1000)
    """
    if not len(shares) or not 0 < min(shares) <= max(shares) <= 1:
        raise ConfigError(f"shares of what is labelled lie above 0 and at most at 1; got {list(shares)}.")
    wanted = (*shares[:-1], 1.0) if complete else shares
    least = max(1, classes * per_class)
    counts = sorted({max(least, round(share * available)) for share in wanted})
    if len(counts) < min(3, len(set(shares))) or counts[-1] > available:
        raise ConfigError(
            f"{available} samples of {classes} classes give no three sizes to learn from; label more, or lower per_class."
        )
    return tuple(counts)


def log_spaced(low: int, high: int, many: int = 5) -> tuple[int, ...]:
    """Return whole sizes from low to high, each the same factor above the one before.

    Raises:
        ConfigError: not 1 <= low < high, or fewer than two sizes.

    >>> log_spaced(100, 1600)
    (100, 200, 400, 800, 1600)
    """
    if not 1 <= low < high or many < 2:
        raise ConfigError(f"sizes need 1 <= low < high and two of them or more; got {low}, {high}, {many}.")
    return tuple(sorted({round(float(size)) for size in np.geomspace(low, high, many)}))


def plan(sizes: Sequence[int], repeats: Sequence[int] = REPEATS) -> tuple[Cell, ...]:
    """Return every training of the experiment: the small sizes first, which tell soonest that something is wrong.

    Args:
        sizes: rising.
        repeats: how many for each; the last number holds for further sizes.

    Raises:
        ConfigError: no sizes, or a number of repeats below 1.

    >>> [(cell.size, cell.repeat) for cell in plan([10, 20], [2, 1])]
    [(10, 0), (10, 1), (20, 0)]
    """
    if not len(sizes) or not len(repeats) or min(repeats) < 1:
        raise ConfigError("a plan needs sizes, and one repeat or more for each.")
    counts = [repeats[min(at, len(repeats) - 1)] for at in range(len(sizes))]
    return tuple(Cell(int(size), repeat) for size, count in zip(sizes, counts, strict=True) for repeat in range(count))


def stratified_order(labels: ArrayLike, rng: np.random.Generator) -> Numbers:
    """Return (N,) rows in an order every beginning of which holds the classes in proportion, within one sample each.

    Within a class rows are shuffled; sample j of a class of size m comes at (j + u) / m with one u in (0, 1) a class.
    Where the order is cut, there is a subset: nested, without replacement.

    Raises:
        InvalidArray: labels that are not (N,).

    >>> order = stratified_order([0, 0, 0, 0, 1, 1], np.random.default_rng(0))
    >>> sorted(order.tolist()), int((order[:3] < 4).sum())
    ([0, 1, 2, 3, 4, 5], 2)
    """
    given = np.asarray(labels)
    if given.ndim != 1:
        raise InvalidArray(f"labels must be (N,) class numbers or names; got shape {given.shape}.")
    _, classes = np.unique(given, return_inverse=True)
    place = np.empty(len(given))
    for number in range(int(classes.max(initial=-1)) + 1):
        rows = rng.permutation(np.flatnonzero(classes == number))
        place[rows] = (np.arange(len(rows)) + rng.random()) / len(rows)
    return np.argsort(place, kind="stable").astype(np.int64)


def nested_subsets(labels: ArrayLike, sizes: Sequence[int], rng: np.random.Generator) -> dict[int, Numbers]:
    """Return size -> rows, each subset inside the next larger one. Their scores go together: mark repeats of other chains.

    Raises:
        PoolExhausted: a size above the number of samples.

    >>> found = nested_subsets([0, 1, 0, 1], [2, 4], np.random.default_rng(0))
    >>> set(found[2]) < set(found[4])
    True
    """
    order = stratified_order(labels, rng)
    _enough(max(sizes), len(order))
    return {int(size): order[:size] for size in sizes}


def disjoint_subsets(labels: ArrayLike, size: int, repeats: int, rng: np.random.Generator) -> tuple[Numbers, ...]:
    """Return rows of each repeat at one size: disjoint while they last, then from a new shuffle of all.

    Disjoint repeats scatter as new labels would; overlapping ones scatter too little (Hoiem et al. 2021).

    Raises:
        PoolExhausted: `size` above the number of samples.

    >>> first, second = disjoint_subsets([0, 1, 0, 1], 2, 2, np.random.default_rng(0))
    >>> sorted([*first.tolist(), *second.tolist()])
    [0, 1, 2, 3]
    """
    order = stratified_order(labels, rng)
    _enough(size, len(order))
    subsets: list[Numbers] = []
    start = 0
    for _ in range(repeats):
        if start + size > len(order):
            order, start = stratified_order(labels, rng), 0
        subsets.append(order[start : start + size])
        start += size
    return tuple(subsets)


def _enough(size: int, available: int) -> None:
    if size > available:
        raise PoolExhausted(
            f"a subset of {size} was asked for, but there are {available} samples; none is taken twice."
        )

"""Divide a batch over groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def divide(
    size: int, shares: NDArray[np.float64], room: NDArray[np.int64], ties: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Divide `size` over G groups: by their shares, by largest remainder, and never more than a group holds.

    What a group cannot fill goes to the others by their shares. Groups of share 0 get something only when all others
    are full, and then in proportion to what they hold.

    Args:
        size: at most the sum of `room`.
        shares: (G,) at least 0; they need not sum to 1.
        room: (G,) how many each group holds.
        ties: (G,) distinct numbers; of equal remainders the lowest of these wins.

    Returns:
        (G,) whole numbers that sum to `size`.

    >>> some = np.arange(3)
    >>> divide(10, np.array([0.5, 0.3, 0.2]), np.array([99, 99, 99]), some).tolist()
    [5, 3, 2]
    >>> divide(10, np.array([0.5, 0.5, 0.0]), np.array([2, 4, 99]), some).tolist()
    [2, 4, 4]
    """
    taken = np.zeros(len(room), dtype=np.int64)
    for weights in (shares, room.astype(np.float64)):
        while (left := size - int(taken.sum())) and (weights * (taken < room)).any():
            taken += np.minimum(_largest_remainder(left, weights * (taken < room), ties), room - taken)
    return taken


def _largest_remainder(size: int, weights: NDArray[np.float64], ties: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return whole numbers that sum to `size`, each within 1 of its exact part."""
    exact = size * weights / weights.sum()
    whole = np.floor(exact + 1e-9)  # 3 may come as 2.9999999
    over = np.lexsort((ties, -np.round(exact - whole, 9)))
    over = over[weights[over] > 0][: size - int(whole.sum())]
    whole[over] += 1
    return np.asarray(whole, dtype=np.int64)

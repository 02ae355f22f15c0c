"""BatchBALD: samples whose labels tell most together about the model (Kirsch et al. 2019, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import Count
from poolwise.core.types import Floats, Need, PoolView, Task
from poolwise.query.acquisition.joint_entropy import Configurations, draw_entropy, extended, gains, merged
from poolwise.query.strategy import Picks, Strategy, best, required

DEPTHS = (6, 8, 10)
"""Bounds over 64, 256 and 1024 groups of configurations come before the gains themselves."""
LOOKED_AT = (512, 64, 16)
"""How many samples go from one bound to the next in one go."""
FEW = 128
"""Samples up to which bounds cost more than they save."""
ROUNDING = 1e-6
"""By how much float32 may lower a bound, in nats."""
SETTLED = 0.01
"""Share of the draws' entropy ln K below which the picks have separated the draws."""


@dataclass(frozen=True)
class BatchBald(Strategy):
    """Greedy joint mutual information between the labels of a batch and the draws.

    The draws must share their masks: draw k is one model for all rows (as with an ensemble), since the joint entropy is
    taken over draws. With K draws there are ln K nats to learn. Once less than a hundredth of that is left, the
    objective is blind to what comes next, and the greedy choice begins anew among the samples that are left: use many
    draws, or `power_bald`, for large batches.

    Samples are passed over only where an upper bound shows that they cannot be the next pick, so that `configurations`
    is the one approximation. A pick costs about N * C * 64 logarithms and C * `configurations` for each sample that
    comes close.

    Attributes:
        configurations: joint outcomes kept; all while C^b is not more, then a sample.
        candidates: choose among so many samples with the highest BALD; None: among all.
    """

    configurations: Count = 8192
    candidates: Count | None = None

    needs: ClassVar[Need] = Need.DRAWS
    tasks: ClassVar[tuple[Task, ...]] = (Task.MULTICLASS,)

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is a gain."""
        draws = required(view.log_probs_nkc)
        own = draw_entropy(draws)
        alone = gains(Configurations.before_any(draws.shape[1]), draws, own)
        most = len(view) if self.candidates is None else max(size, self.candidates)
        rows, scores, earlier = greedy(draws, own, alone, best(alone, most, rng), size, self.configurations, rng)
        sentences = [_sentence(*values) for values in zip(scores, earlier, alone[rows], strict=True)]
        return Picks(rows, scores, sentences, {"bald": alone[rows]})


def greedy(
    draws_nkc: Floats,
    own: Floats,
    alone: Floats,
    rows: NDArray[np.int64],
    size: int,
    most: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
    """Pick by pick the sample that adds most to the picks before it.

    Args:
        draws_nkc: (N, K, C) log-probabilities.
        own: (N, K) entropy of each draw's prediction.
        alone: (N,) BALD scores, the gains of a first pick.
        rows: (M,) among which to choose, by falling `alone`, equals in random order.
        size: how many, at most M.
        most: configurations to keep.
        rng: of the sample of configurations.

    Returns:
        (size,) rows, (size,) gains, and (size,) how many picks each gain was conditioned on.
    """
    draws = draws_nkc.shape[1]
    picked, earlier = np.empty((2, size), dtype=np.int64)
    scores = np.empty(size, dtype=np.float32)
    known, before = Configurations.before_any(draws), 0
    for number in range(size):
        if before and known.undecided() <= SETTLED * np.log(draws):
            known, before = Configurations.before_any(draws), 0
        if before:
            levels = [*merged(known, DEPTHS if len(rows) > FEW else ()), known]
            gain, first = _search(levels, draws_nkc, own, rows, LOOKED_AT[-len(levels) + 1 :], (-1.0, 0))
        else:
            gain, first = float(alone[rows[0]]), int(rows[0])
        picked[number], scores[number], earlier[number] = first, gain, before
        rows = rows[rows != first]
        if number + 1 < size:
            known, before = extended(known, np.exp(draws_nkc[first]), most, rng), before + 1
    return picked, scores, earlier


def _search(
    levels: list[Configurations],
    draws: Floats,
    own: Floats,
    rows: NDArray[np.int64],
    steps: tuple[int, ...],
    record: tuple[float, int],
) -> tuple[float, int]:
    """Return the highest gain and its row: those whose bound at one level may beat the record go on to the next."""
    bounds = gains(levels[0], draws, own, rows)
    if len(levels) == 1:
        top = int(bounds.argmax())
        return max(record, (float(bounds[top]), int(rows[top])), key=lambda pair: pair[0])
    order = np.argsort(-bounds, kind="stable")
    for at in range(0, len(order), steps[0]):
        some = order[at : at + steps[0]]
        some = some[bounds[some] + ROUNDING > record[0]]
        if not len(some):
            break
        record = _search(levels[1:], draws, own, rows[some], steps[1:], record)
    return record


def _sentence(gain: float, before: int, alone: float) -> str:
    if not before:
        return f"its label carries {gain:.3g} nats about the model"
    return f"its label carries {gain:.3g} nats about the model beyond {before} earlier picks ({alone:.3g} by itself)"

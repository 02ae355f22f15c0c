"""Information of several labels together about the model: BatchBALD's joint mutual information, one pick at a time.

Kirsch et al. 2019, section 3: a(x_1..x_b) = H[y_1..y_b] - sum_i E_w H[y_i | w], over K draws w of the model's weights.
A configuration is one outcome y_1..y_b. Given it, the draws are no longer equally likely but have a posterior
proportional to prod_i p_w(y_i | x_i), and the gain of one more sample x is the mean over configurations of the mutual
information between y and w under that posterior,

    gain(x) = sum_s weight_s * (H[sum_w posterior_sw p_w(. | x)] - sum_w posterior_sw H[p_w(. | x)]),

which is a(x_1..x_b, x) - a(x_1..x_b) exactly when every configuration is kept. Beyond a limit a sample of them is kept,
without bias: the more likely a configuration and the less it settles which draw is right, the surer it stays (one that
settles it adds nothing to any gain). The threshold is that of Fearnhead and Clifford (2003, section 2.3).

By Jensen's inequality, merging configurations into one with their mean posterior never lowers a gain. Merged ones
therefore bound all gains at a fraction of the cost; with the prefix configurations as groups this is the submodularity
that lazy greedy methods use, and it also holds for a sample of configurations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats
from poolwise.query.acquisition.confidence import TINY, row_entropy

SURELY = np.float32(0.01)
"""Nats added to what a configuration leaves undecided before its chance is set by it: without them a settled one might
stay by a fluke with a weight so large that the rounding of float32 shows in the gains."""
BLOCK = 1 << 18
"""Entries worked on in one go: 1 MB of float32, which stays close to the processor."""


@dataclass(frozen=True, eq=False)
class Configurations:
    """Outcomes of the picks so far.

    Attributes:
        weights: (S,) float32, how much each counts; their sum is 1 while all are kept, about 1 for a sample.
        posteriors: (S, K) float32 probability of each draw given the outcome.
    """

    weights: Floats
    posteriors: Floats

    def __len__(self) -> int:
        return len(self.weights)

    @classmethod
    def before_any(cls, draws: int) -> Configurations:
        """Return one empty outcome, all draws equally likely: nothing is picked yet."""
        return cls(np.ones(1, dtype=np.float32), np.full((1, draws), 1 / draws, dtype=np.float32))

    def undecided(self) -> float:
        """Return the entropy in nats that is left over which draw is right; no sample gains more."""
        return float(self.weights @ row_entropy(self.posteriors))


def gains(
    known: Configurations, log_probs_nkc: Floats, own_entropy: Floats, rows: NDArray[np.int64] | None = None
) -> Floats:
    """Return the information that each sample's label would add to the configurations.

    Args:
        known: S configurations.
        log_probs_nkc: (N, K, C) log-probabilities, the same draws for all rows.
        own_entropy: (N, K) entropy of each draw's prediction; see `draw_entropy`.
        rows: (n,) of which samples; None: of all.

    Returns:
        (n,) or (N,) nats in [0, ln min(C, K)], float32.

    >>> draws = np.log(np.array([[[0.999, 0.001], [0.001, 0.999]]], dtype=np.float32))
    >>> round(float(gains(Configurations.before_any(2), draws, draw_entropy(draws))[0]), 2)
    0.69
    """
    _, draws, classes = log_probs_nkc.shape
    rows = np.arange(len(log_probs_nkc)) if rows is None else rows
    likely = known.weights @ known.posteriors
    added = np.empty(len(rows), dtype=np.float32)
    step = max(1, BLOCK // (max(len(known), draws) * classes))
    for at in range(0, len(rows), step):
        block = rows[at : at + step]
        some = np.exp(log_probs_nkc[block]).transpose(1, 0, 2).reshape(draws, -1)
        predicted = known.posteriors @ some
        surprise = np.maximum(predicted, TINY)
        np.log(surprise, out=surprise)
        surprise *= predicted
        joint = (known.weights @ surprise).reshape(-1, classes).sum(axis=1)
        added[at : at + step] = -joint - own_entropy[block] @ likely
    return np.maximum(added, 0)  # a hair below 0 comes of rounding


def draw_entropy(log_probs_nkc: Floats) -> Floats:
    """Return the (N, K) entropy in nats of each draw's prediction, float32."""
    count, draws, classes = log_probs_nkc.shape
    entropies = np.empty((count, draws), dtype=np.float32)
    step = max(1, BLOCK // (draws * classes))
    for at in range(0, count, step):
        entropies[at : at + step] = row_entropy(np.exp(log_probs_nkc[at : at + step]))
    return entropies


def extended(known: Configurations, probs_kc: Floats, most: int, rng: np.random.Generator) -> Configurations:
    """Return the configurations after one more pick: all of them up to `most`, else a sample of about that many.

    Args:
        known: S configurations.
        probs_kc: (K, C) probabilities of the pick.
        most: how many to keep.
        rng: one number is drawn when a sample is taken.
    """
    weights = (known.weights[:, None] * (known.posteriors @ probs_kc)).ravel()
    children = np.arange(len(weights))
    if len(weights) <= most:
        return Configurations(weights, _posteriors(known, probs_kc, children))
    undecided = np.empty_like(weights)
    step = max(1, BLOCK // len(probs_kc))
    for at in range(0, len(weights), step):
        undecided[at : at + step] = row_entropy(_posteriors(known, probs_kc, children[at : at + step]))
    kept, chance = _sample(weights * (undecided + SURELY), most, rng)
    return Configurations((weights[kept] / chance).astype(np.float32), _posteriors(known, probs_kc, kept))


def merged(known: Configurations, depths: tuple[int, ...]) -> Iterator[Configurations]:
    """Yield coarser views of many configurations, each with gains that are never lower, up to rounding.

    Like is merged with like: the configurations are halved again and again along the direction in which their
    posteriors vary most (found by two steps of power iteration), and 2^depth groups are left.

    Args:
        known: S configurations.
        depths: how often to halve, ascending; those that leave fewer than two in a group are passed over.
    """
    size = 1 << max(1, len(known) - 1).bit_length()
    order = (np.arange(size) % len(known))[None]
    weights = np.zeros(size, dtype=np.float32)
    weights[: len(known)] = known.weights
    place = np.arange(size)[None]
    for depth in range(1, max(depths, default=0) + 1):
        if 2 << depth > size:
            return
        halves = _halved(known.posteriors[order], weights[place])
        order, place = (np.take_along_axis(rows, halves, axis=1).reshape(1 << depth, -1) for rows in (order, place))
        if depth in depths:
            yield _means(known.posteriors[order], weights[place])


def _halved(posteriors_gsk: Floats, weights: Floats) -> NDArray[np.int64]:
    """Return the (G, S) order of the rows of each group along its principal direction."""
    centre = _means(posteriors_gsk, weights).posteriors[:, None]
    around = posteriors_gsk - centre
    heavy = around * weights[..., None]
    widest = (heavy * around).sum(axis=1).argmax(axis=1)
    direction = around[np.arange(len(around)), :, widest][..., None]
    for _ in range(2):
        direction = around @ (heavy.transpose(0, 2, 1) @ direction)
    return np.argsort(direction[..., 0], axis=1, kind="stable")


def _means(posteriors_gsk: Floats, weights: Floats) -> Configurations:
    total = weights.sum(axis=1)
    means = (weights[:, None] @ posteriors_gsk)[:, 0] / np.maximum(total, TINY)[:, None]
    return Configurations(total, means)


def _posteriors(known: Configurations, probs_kc: Floats, children: NDArray[np.int64]) -> Floats:
    """Return the (n, K) posterior of the draws given some children: child s * C + c is configuration s, then class c."""
    parents, outcomes = np.divmod(children, probs_kc.shape[1])
    joint: Floats = known.posteriors[parents] * probs_kc.T[outcomes]
    joint /= np.maximum(joint.sum(axis=1, keepdims=True), TINY)
    return joint


def _sample(values: Floats, most: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
    """Keep rows with chance min(1, value / c), where c makes `most` of them expected; return them and those chances."""
    values = values.astype(np.float64)
    ordered = np.sort(values)[::-1]
    rest = np.cumsum(ordered[::-1])[::-1][:most]
    levels = rest / (most - np.arange(len(rest)))
    level = levels[np.argmax(levels >= ordered[: len(levels)])]
    chance = np.minimum(values, level) / level if level > 0 else (values > 0) * 1.0
    # one number serves all rows: neighbours share their first outcomes, so that the sample is spread evenly over these
    steps = np.floor(np.cumsum(chance) + rng.random())
    kept = np.flatnonzero(np.diff(steps, prepend=0) > 0)
    return kept, chance[kept].astype(np.float32)

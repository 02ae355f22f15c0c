"""Uncertain samples, spread over clusters of what they look like to the network.

Cluster-Margin (Citovsky et al. 2021, algorithm 1): take the f * B candidates with the smallest margins, group them by
their embeddings, and go round the groups from the smallest to the largest, a random member at each visit.

Differences from the paper: the candidates of each round are grouped by that round's embeddings, while the paper groups
the whole pool once; the tree is cut at a number of groups, not at a distance, as no distance suits every network; and
above a few thousand candidates the tree is grown over the centres of small k-means clusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.ranges import Factor, Natural, Positive
from poolwise.core.types import Need, PoolView
from poolwise.geometry.groups import average_linkage
from poolwise.geometry.neighbours import unit_rows
from poolwise.query.acquisition.confidence import margin
from poolwise.query.strategy import Picks, Strategy, best, in_turn, required
from poolwise.query.top_k import margin_sentences


@dataclass(frozen=True)
class Clustered(Strategy):
    """Cluster-Margin.

    Attributes:
        candidates: f, how many candidates a pick; 1 is plain margin sampling. The paper tries 1.25 to 10; docs/strategies.md
            compares 3 with 10.
        clusters: groups a pick; 1 lets every pick come from a group of its own.
        exact_up_to: candidates up to which the tree is grown over the samples themselves.
        unit_length: scale embeddings to length 1 first, so that distance means angle.
    """

    candidates: Factor = 3.0
    clusters: Positive = 1.0
    exact_up_to: Natural = 2000
    unit_length: bool = False

    needs: ClassVar[Need] = Need.PROBS | Need.EMBEDDINGS

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        """Pick rows; a score is 1 - margin."""
        probs, points = required(view.probs), required(view.embeddings)
        scores = margin(probs, view.task)
        rows = best(scores, min(len(view), round(self.candidates * size)), rng)
        near = unit_rows(points[rows]) if self.unit_length else points[rows]
        groups = average_linkage(near, max(1, round(self.clusters * size)), rng, self.exact_up_to)
        taken = smallest_first(groups, size, rng)
        rows, groups, sizes = rows[taken], groups[taken], np.bincount(groups)[groups[taken]]
        pairs = zip(margin_sentences(probs[rows], scores[rows], view.task), sizes, strict=True)
        sentences = [f"{sentence}, from a cluster of {count} uncertain ones" for sentence, count in pairs]
        return Picks(rows, scores[rows], sentences, {"cluster": groups, "cluster_size": sizes})


def smallest_first(groups: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (size,) rows, going round the groups (N,) from the smallest; groups of equal size in random order."""
    sizes = np.bincount(groups)
    numbers = rng.permutation(len(sizes))
    return in_turn(groups, numbers[np.argsort(sizes[numbers], kind="stable")], size, rng)

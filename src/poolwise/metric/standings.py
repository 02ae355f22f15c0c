"""Standings of strategies on one data set in one regime: from their learning curves to a row each. Pure.

Scores are "higher is better"; a curve is (labels (R,), scores (R,)) as in `label_efficiency`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from poolwise.metric.comparison import ALPHA, Paired, holm, mean_ranks, paired_difference, pairwise, penalty_matrix
from poolwise.metric.label_efficiency import Curve, area_under_curve, checked_curve, labels_to_reach

Curves = Mapping[str, Mapping[int, Curve]]
"""strategy -> seed -> curve."""


@dataclass(frozen=True)
class Standing:
    """One strategy on one data set in one regime. NaN where something cannot be told.

    Attributes:
        strategy: its name.
        seeds: those that finished.
        area: mean over seeds of the area under the budget curve (AUBC), in the unit of the score.
        spread: standard deviation of the area over seeds.
        final: mean score with all labels.
        rank: mean rank by area among the strategies, over seeds; 1 is best.
        labels: labels that the mean curve needed to reach the reference's best mean score; infinity: never.
        reference_labels: labels that the reference needed for it.
        against: difference of the area to the reference, paired by seed; no pairs for the reference itself.
        p: of that difference, corrected over the strategies of the setting (Holm).
        verdict: "above", "below", "even" with the reference; "" for the reference itself and where nothing was tested.
        final_against: difference of the last score to the reference, paired by seed; not corrected.
    """

    strategy: str
    seeds: tuple[int, ...]
    area: float
    spread: float
    final: float
    rank: float
    labels: float
    reference_labels: float
    against: Paired
    p: float
    verdict: str
    final_against: Paired

    @property
    def ratio(self) -> float:
        """Labels of the reference over labels of the strategy, at the reference's best score; above 1 is a saving."""
        return self.reference_labels / self.labels


@dataclass(frozen=True, eq=False)
class Setting:
    """One data set in one regime, compared.

    Attributes:
        counts: (P,) numbers of labels that every curve has.
        means: strategy -> (P,) mean score over its seeds.
        lows: strategy -> (P,) lowest score of a seed.
        highs: strategy -> (P,) highest score of a seed.
        standings: a row a strategy, in the order given.
        penalty: (S, S) share of the points at which row beat column, shared starts left out; `penalty_matrix`.
        pairs: (first, second, difference of areas, corrected p) of every pair of strategies.
        shared: seeds that all strategies finished; ranks, pairs and penalties are over these.
        bound: the row of the look-ahead oracle, which is no strategy; None without.
    """

    counts: tuple[int, ...]
    means: Mapping[str, NDArray[np.float64]]
    lows: Mapping[str, NDArray[np.float64]]
    highs: Mapping[str, NDArray[np.float64]]
    standings: tuple[Standing, ...]
    penalty: NDArray[np.float64]
    pairs: tuple[tuple[str, str, Paired, float], ...]
    shared: tuple[int, ...]
    bound: Standing | None = None


def setting_of(curves: Curves, *, reference: str, bound: str = "") -> Setting:
    """Compare the strategies of one data set in one regime.

    Args:
        curves: strategy -> seed -> curve; strategies without a finished seed are left out.
        reference: the strategy that the others are held against, usually "random".
        bound: name of a row among them that is no strategy: it is described, but neither ranked nor tested.
    """
    finished = {name: dict(seeds) for name, seeds in curves.items() if seeds}
    counts = _common_counts(finished)
    scores = {name: _at(counts, seeds) for name, seeds in finished.items()}
    ranked = [name for name in finished if name != bound]
    shared = tuple(sorted(set.intersection(*(set(finished[name]) for name in ranked)))) if ranked else ()
    areas = {name: {seed: _area(counts, row) for seed, row in rows.items()} for name, rows in scores.items()}
    table = np.array([[areas[name][seed] for name in ranked] for seed in shared]).reshape(len(shared), len(ranked))
    rows = [_standing(name, counts, scores, areas, reference) for name in finished]
    ranks = dict(zip(ranked, mean_ranks(table), strict=True))
    rows = [replace(row, rank=float(ranks.get(row.strategy, math.nan))) for row in rows]
    pairs, differences, corrected = pairwise(table)
    return Setting(
        counts=tuple(int(count) for count in counts),
        means={name: np.mean(list(each.values()), axis=0) for name, each in scores.items()},
        lows={name: np.min(list(each.values()), axis=0) for name, each in scores.items()},
        highs={name: np.max(list(each.values()), axis=0) for name, each in scores.items()},
        standings=_judged([row for row in rows if row.strategy != bound]),
        penalty=penalty_matrix(_stack(scores, ranked, shared)),
        pairs=tuple(
            (ranked[i], ranked[j], difference, float(p))
            for (i, j), difference, p in zip(pairs, differences, corrected, strict=True)
        ),
        shared=shared,
        bound=next((row for row in rows if row.strategy == bound), None),
    )


def _common_counts(curves: Mapping[str, Mapping[int, Curve]]) -> list[float]:
    """Return the numbers of labels that every curve has; rounds may differ where a pool ran out or a sample was skipped."""
    sets = [set(checked_curve(*curve)[0].tolist()) for seeds in curves.values() for curve in seeds.values()]
    return sorted(set.intersection(*sets)) if sets else []


def _at(counts: Sequence[float], seeds: Mapping[int, Curve]) -> dict[int, NDArray[np.float64]]:
    rows = {}
    for seed, curve in seeds.items():
        labels, scores = checked_curve(*curve)
        rows[seed] = scores[np.searchsorted(labels, counts)]
    return rows


def _area(counts: Sequence[float], scores: NDArray[np.float64]) -> float:
    return area_under_curve(counts, scores) if len(counts) else math.nan


def _stack(
    scores: Mapping[str, Mapping[int, NDArray[np.float64]]], ranked: Sequence[str], shared: Sequence[int]
) -> NDArray[np.float64]:
    """Return (P, n, S) scores, less points at which all strategies are the same: the starting set that they share."""
    points = max((len(row) for rows in scores.values() for row in rows.values()), default=0)
    stacked = np.array([[scores[name][seed] for name in ranked] for seed in shared], dtype=np.float64)
    stacked = stacked.reshape(len(shared), len(ranked), points).transpose(2, 0, 1)
    return stacked[[bool(np.ptp(point, axis=1).any()) for point in stacked]] if stacked.size else stacked


def _standing(
    name: str,
    counts: Sequence[float],
    scores: Mapping[str, Mapping[int, NDArray[np.float64]]],
    areas: Mapping[str, Mapping[int, float]],
    reference: str,
) -> Standing:
    ours, theirs = areas[name], areas.get(reference, {})
    both = sorted(set(ours) & set(theirs)) if counts else []
    values = [ours[seed] for seed in sorted(ours)]
    ends = [float(row[-1]) if len(row) else math.nan for row in scores[name].values()]
    compared = [] if name == reference else both
    finals = [[float(scores[each][seed][-1]) for seed in compared] for each in (name, reference) if compared]
    labels, reference_labels = _labels_needed(name, counts, scores, reference, both)
    return Standing(
        strategy=name,
        seeds=tuple(sorted(ours)),
        area=float(np.mean(values)),
        spread=float(np.std(values, ddof=1)) if len(values) > 1 else math.nan,
        final=float(np.mean(ends)),
        rank=math.nan,
        labels=labels,
        reference_labels=reference_labels,
        against=paired_difference([ours[seed] for seed in compared], [theirs[seed] for seed in compared]),
        p=math.nan,
        verdict="",
        final_against=paired_difference(*(finals or ([], []))),
    )


def _labels_needed(
    name: str,
    counts: Sequence[float],
    scores: Mapping[str, Mapping[int, NDArray[np.float64]]],
    reference: str,
    both: Sequence[int],
) -> tuple[float, float]:
    """Return labels by mean curves over shared seeds: one seed's best is luck, and one that never gets there has no number."""
    if not both:
        return math.nan, math.nan
    mine, other = (np.mean([scores[each][seed] for seed in both], axis=0) for each in (name, reference))
    level = float(other.max())
    return labels_to_reach(counts, mine, level), labels_to_reach(counts, other, level)


def _judged(rows: Sequence[Standing]) -> tuple[Standing, ...]:
    """Return corrected p-values and verdicts; the reference against itself is no test, its p is NaN."""
    judged = []
    for row, p in zip(rows, holm([row.against.p for row in rows]), strict=True):
        word = "" if math.isnan(p) else "even" if p >= ALPHA else "above" if row.against.mean > 0 else "below"
        judged.append(replace(row, p=float(p), verdict=word))
    return tuple(judged)


def regime_ranks(settings: Sequence[Setting]) -> dict[str, float]:
    """Return the mean rank of each strategy over settings, each setting counted once; strategies that miss one are left out."""
    rows = [{row.strategy: row.rank for row in setting.standings} for setting in settings]
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if all(name in row for row in rows)]
    return {name: float(np.mean([row[name] for row in rows])) for name in names}


def summed_penalties(settings: Sequence[Setting]) -> tuple[list[str], NDArray[np.float64]]:
    """Return the penalty matrices of several settings added up: (names (S,), matrix (S, S))."""
    names = list(dict.fromkeys(row.strategy for setting in settings for row in setting.standings))
    total = np.zeros((len(names), len(names)))
    for setting in settings:
        at = [names.index(row.strategy) for row in setting.standings]
        total[np.ix_(at, at)] += setting.penalty
    return names, total

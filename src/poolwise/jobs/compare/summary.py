"""Each arm against raw over the seeds, and what that says. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poolwise.jobs.compare.arms import PRUNED, RANDOM, RAW, RELABELLED, REVIEWED, TRUTH
from poolwise.jobs.compare.measured import CLEANED_TEST, CORRECTED_TEST, METRICS, RAW_TEST, Trial
from poolwise.metric.comparison import ALPHA, Paired, holm, paired_difference

DEEDS = {
    PRUNED: "removing the flagged samples",
    RELABELLED: "giving them the suggested labels",
    RANDOM: "Removing as many of each class at random",
    REVIEWED: "Having the first of the list reviewed",
    TRUTH: "Training on the true labels",
}
VERDICTS = {"above": "helped", "below": "did harm", "even": "made no difference beyond chance"}


@dataclass(frozen=True)
class Row:
    """An arm on a test set by one metric.

    Attributes:
        mean: over seeds.
        spread: standard deviation over seeds; NaN for one.
        against: the arm that it is compared with; "" for raw itself.
        gap: the difference, paired by seed.
        p: of no difference, by Holm over the arms compared with the same one on one test set by one metric.
    """

    arm: str
    test: str
    metric: str
    mean: float
    spread: float
    against: str
    gap: Paired
    p: float

    @property
    def verdict(self) -> str:
        """Either "above" or "below" beyond chance, or "even"."""
        return "even" if not self.p < ALPHA else "above" if self.gap.mean > 0 else "below"


def summary(trials: Sequence[Trial]) -> list[Row]:
    """Compare every arm on every test set by every metric with raw, and pruned with as many removed at random."""
    arms = list(dict.fromkeys(trial.arm for trial in trials))
    tests = list(dict.fromkeys(name for trial in trials for name in trial.tests))
    rows: list[Row] = []
    for test in tests:
        for metric in METRICS:
            scores = {arm: _scores(trials, arm, test, metric) for arm in arms}
            rows += _compared(scores, [arm for arm in arms if arm != RAW], RAW, test, metric)
            if PRUNED in arms and RANDOM in arms:
                rows += _compared(scores, [PRUNED], RANDOM, test, metric)[1:]
    return rows


def _scores(trials: Sequence[Trial], arm: str, test: str, metric: str) -> dict[int, float]:
    return {each.seed: each.tests[test][metric] for each in trials if each.arm == arm and test in each.tests}


def _compared(scores: dict[str, dict[int, float]], arms: Sequence[str], base: str, test: str, metric: str) -> list[Row]:
    """Return the base itself, then the others against it."""
    gaps = []
    for arm in arms:
        shared = [seed for seed in scores[arm] if seed in scores[base]]
        shared = [seed for seed in shared if math.isfinite(scores[arm][seed] + scores[base][seed])]
        gaps.append(paired_difference([scores[arm][seed] for seed in shared], [scores[base][seed] for seed in shared]))
    corrected = holm([gap.p for gap in gaps])
    none = Paired(math.nan, math.nan, math.nan, math.nan, 0)
    rows = [Row(base, test, metric, *_mean(scores[base]), "", none, math.nan)]
    for arm, gap, p in zip(arms, gaps, corrected.tolist(), strict=True):
        rows.append(Row(arm, test, metric, *_mean(scores[arm]), base, gap, p))
    return rows


def _mean(scores: dict[int, float]) -> tuple[float, float]:
    values = np.array(list(scores.values()))
    return float(values.mean()) if len(values) else math.nan, float(values.std(ddof=1)) if len(values) > 1 else math.nan


def judged_by(rows: Sequence[Row]) -> str:
    """Return the test set that the answer goes by: the corrected one if there is one, never one cleaned by the same rule."""
    return CORRECTED_TEST if any(row.test == CORRECTED_TEST for row in rows) else RAW_TEST


def sentences(rows: Sequence[Row], metric: str) -> list[str]:
    """Return what a person should read first: whether cleaning helped, then how the other arms stood."""
    test = judged_by(rows)
    named = {row.arm: row for row in rows if (row.test, row.metric, row.against) == (test, metric, RAW)}
    messages = _answer([named[arm] for arm in (PRUNED, RELABELLED) if arm in named], test, metric)
    for row in rows:
        if (row.test, row.metric, row.against) == (test, metric, RANDOM) and row.gap.pairs > 1:
            better = {"above": "better than", "below": "worse than", "even": "no different, beyond chance, from"}[
                row.verdict
            ]
            messages.append(f"Removing the flagged samples is {better} removing as many at random: {_points(row.gap)}.")
    return messages + [
        f"{DEEDS[arm]} {_verdict([named[arm].verdict], named[arm].gap.pairs)}: {_points(named[arm].gap)}."
        for arm in (RANDOM, REVIEWED, TRUTH)
        if arm in named
    ]


def _answer(rows: Sequence[Row], test: str, metric: str) -> list[str]:
    if not rows:
        return []
    what = f"{'accuracy' if metric == 'accuracy' else 'macro F1'} on the {test} test set"
    unlike = len({row.verdict for row in rows}) > 1
    deeds = [
        f"{DEEDS[row.arm]} {_points(row.gap)}{' within chance' if unlike and row.verdict == 'even' else ''}"
        for row in rows
    ]
    if rows[0].arm == RELABELLED:
        deeds[0] = deeds[0].replace("them", "the flagged samples")
    verdict = _verdict([row.verdict for row in rows], rows[0].gap.pairs)
    return [f"Cleaning {verdict}: {what}, {', '.join(deeds)}."]


def _verdict(directions: Sequence[str], seeds: int) -> str:
    if seeds < 2:
        return "was tried with one seed alone, which says nothing about chance"
    if {"above", "below"} <= set(directions):
        return "helped in one way and did harm in another"
    return VERDICTS[next((each for each in directions if each != "even"), "even")]


def _points(gap: Paired) -> str:
    interval = "" if gap.pairs < 2 else f" (95 %: {_signed(gap.low)} to {_signed(gap.high)})"
    return f"{_signed(gap.mean)} points{interval}"


def _signed(value: float) -> str:
    text = f"{100 * value:+.1f}"
    return (text.lstrip("+-") if float(text) == 0 else text).replace("-", "−")


def experiments(trials: Sequence[Trial], metric: str) -> list[tuple[str, str, str, float, Paired]]:
    """Return SeeDoo's four: (letter, trained on, validated on, mean, difference to A)."""
    cells = (("A", RAW, RAW_TEST), ("B", PRUNED, CLEANED_TEST), ("C", PRUNED, RAW_TEST), ("D", RAW, CLEANED_TEST))
    base = _scores(trials, RAW, RAW_TEST, metric)
    rows = []
    for letter, arm, test in cells:
        scores = _scores(trials, arm, test, metric)
        shared = [seed for seed in base if seed in scores]
        gap = paired_difference([scores[seed] for seed in shared], [base[seed] for seed in shared])
        rows.append((letter, arm, test, _mean(scores)[0], gap))
    return rows

"""What each arm's model got right: on the test sets, and on the samples that cleaning removed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poolwise.core.types import Floats, Ids, LabelledSet, Labels, Task, is_known
from poolwise.jobs.compare.arms import Case
from poolwise.metric.classification import held_out

RAW_TEST, CORRECTED_TEST, CLEANED_TEST = "raw", "corrected", "cleaned"
METRICS = ("accuracy", "macro_f1")
Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Trial:
    """One training and what came of it.

    Attributes:
        arm, seed: which.
        size: of its training set.
        removed: training samples that this arm lacks beside raw.
        relabelled: labels that differ from raw's.
        tests: name of the test set -> metrics; `tested` its size.
        on_removed: accuracy on the samples that cleaning removes: by their given label (`given`) and, where it is known, by
            the true one (`truth`); empty where nothing is removed.
    """

    arm: str
    seed: int
    size: int
    removed: int
    relabelled: int
    tests: Mapping[str, Metrics]
    on_removed: Metrics


def trial(
    arm: str, case: Case, train: LabelledSet, scored: Ids, probs: Floats, task: Task, classes: Sequence[str]
) -> Trial:
    """Measure one model; `probs` (m, C) are of the samples `scored` (m,)."""

    def probs_of(ids: Ids) -> Floats:
        return probs[np.searchsorted(scored, ids)]

    tests = {
        name: {**_metrics(probs_of(part.ids), part.labels, task, classes), "tested": float(len(part))}
        for name, part in sets_of(case).items()
    }
    rows = np.searchsorted(case.train.ids, train.ids)
    before = case.train.labels[rows]
    changed = before != train.labels
    gone = case.train.ids[case.removed]
    return Trial(
        arm=arm,
        seed=case.seed,
        size=len(train),
        removed=len(case.train) - len(train),
        relabelled=int((changed.any(axis=1) if changed.ndim == 2 else changed).sum()),
        tests=tests,
        on_removed=_on_removed(case, probs_of(gone), task, classes) if len(gone) else {},
    )


def sets_of(case: Case) -> dict[str, LabelledSet]:
    """Return the labels that models are measured by."""
    sets = {RAW_TEST: case.test}
    if case.corrected is not None:
        sets[CORRECTED_TEST] = LabelledSet(case.test.ids, case.corrected)
    if case.cleaned is not None and case.cleaned.keep.any():
        keep = case.cleaned.keep
        sets[CLEANED_TEST] = LabelledSet(case.test.ids[keep], case.cleaned.labels[keep])
    return sets


def detection(case: Case) -> Metrics:
    """Return how good the flags were: precision, recall, the share of right suggestions; empty without the truth."""
    if case.truth is None or not is_known(case.truth).any():
        return {}
    known = is_known(case.truth)
    wrong = known & _differ(case.truth, case.train.labels)
    flagged = ~case.pruned.keep & known
    metrics = {"flagged": float(flagged.sum()), "wrong": float(wrong.sum())}
    if flagged.any():
        metrics["precision"] = float(wrong[flagged].mean())
        if case.pruned.suggested is not None:
            metrics["suggestion_right"] = float((~_differ(case.truth, case.pruned.suggested))[flagged].mean())
    if wrong.any():
        metrics["recall"] = float(flagged[wrong].mean())
    return metrics


def by_class(cases: Sequence[Case], classes: Sequence[str]) -> list[dict[str, float | str]]:
    """Return a row a class: how many given labels are removed and how many relabelled, means over seeds."""
    rows: list[dict[str, float | str]] = []
    for at, name in enumerate(classes):
        given = removed = relabelled = 0.0
        for case in cases:
            labels = case.train.labels
            mine = labels == at if labels.ndim == 1 else labels[:, at] == 1
            given += mine.sum() / len(cases)
            removed += (mine & ~case.pruned.keep).sum() / len(cases)
            if case.pruned.suggested is not None:
                relabelled += (mine & _differ(labels, case.pruned.suggested)).sum() / len(cases)
        rows.append({"class": name, "given": given, "removed": removed, "relabelled": relabelled})
    return rows


def lost(cases: Sequence[Case], classes: Sequence[str]) -> list[str]:
    """Return classes that the pruned training set of some seed has lost altogether."""
    names = set()
    for case in cases:
        for at, name in enumerate(classes):
            before, after = case.train.labels, case.pruned.labels[case.pruned.keep]
            there = [(part == at if part.ndim == 1 else part[:, at] == 1).any() for part in (before, after)]
            if there == [True, False]:
                names.add(name)
    return sorted(names)


def _metrics(probs: Floats, labels: Labels, task: Task, classes: Sequence[str]) -> dict[str, float]:
    metrics = held_out(probs, labels, task, classes).metrics
    exact = "accuracy" if task is Task.MULTICLASS else "subset_accuracy"
    return {"accuracy": float(metrics[exact]), "macro_f1": float(metrics["macro_f1"])}


def _on_removed(case: Case, probs: Floats, task: Task, classes: Sequence[str]) -> Metrics:
    scores = {"given": _metrics(probs, case.train.labels[case.removed], task, classes)["accuracy"]}
    if case.truth is not None:
        truth = case.truth[case.removed]
        known = is_known(truth)
        if known.any():
            scores["truth"] = _metrics(probs[known], truth[known], task, classes)["accuracy"]
    return scores


def _differ(first: Labels, second: Labels) -> Labels:
    unlike = np.asarray(first != second)
    return np.asarray(unlike.any(axis=1) if unlike.ndim == 2 else unlike)

"""What an audit came to, in numbers and in sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.audit.judge import Surroundings, Verdict
from poolwise.types import Labels, Manifest, encode, is_known

TOPS = (0.01, 0.02, 0.03)
"""Shares of all labels at whose head precision is measured, as in labelfix's evaluation."""


def results(verdict: Verdict, around: Surroundings, manifest: Manifest, budget: int) -> dict[str, float]:
    """Numbers for the tracker: how many labels were judged and how many are probably wrong, copies, leaks.

    `health` is the share of labels that is probably right; `count_*` are the estimates of how many are wrong.
    """
    found, n = verdict.found, len(verdict.labelled)
    size = min(budget, len(found.expected))
    named = {
        "judged": n,
        "not_judged": len(verdict.blind),
        "count": found.count,
        "count_low": found.count_interval[0],
        "count_high": found.count_interval[1],
        "health": 1 - found.count / n if n else 1.0,
        "review": size,
        "expected_in_review": found.expected[size - 1] if size else 0.0,
        **copies(around, manifest),
    }
    named |= {f"count_{name}": estimate.count for name, estimate in found.estimates.items() if name != "planted"}
    return {name: float(value) for name, value in named.items()}


def copies(around: Surroundings, manifest: Manifest) -> dict[str, int]:
    """Groups of near-copies, samples that could be left out without loss, exact pairs, and pairs across splits."""
    found, splits = around.copies, manifest.splits[around.ids]
    inside = found.groups[found.groups >= 0]
    across = splits[found.pairs[:, 0]] != splits[found.pairs[:, 1]]
    return {
        "copy_groups": len(np.unique(inside)),
        "superfluous_copies": len(inside) - len(np.unique(inside)),
        "exact_copies": int(found.exact.sum()),
        "leaks": int(across.sum()),
        "heaps_of_look_alikes": found.heaps,
    }


def known_truth(manifest: Manifest, column: str) -> Labels | None:
    """True labels where the data have a column of them (class names, "" for unknown); detectors never see it."""
    if column not in manifest.columns or manifest.labels.ndim == 2:
        return None
    names = [_name(value) for value in manifest.columns[column].tolist()]
    known = set(manifest.classes)
    return encode([name if name in known else None for name in names], manifest.classes, manifest.task)


def _name(value: Any) -> str:
    """A class's name; a column in which all are numbers is read as numbers."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def scored(verdict: Verdict, truth: Labels, budget: int) -> dict[str, float]:
    """How good the list is where the truth (N,) is known: precision at its head, average precision, error of the count."""
    from sklearn.metrics import average_precision_score

    ids, labels = verdict.labelled.ids, verdict.labelled.labels
    known = is_known(truth[ids])
    wrong = (truth[ids] != labels) & known
    ranked = wrong[_ranked(verdict)]
    named = {"wrong": float(wrong.sum()), "precision_in_review": precision(ranked, budget)}
    named |= {f"precision_top_{share:.0%}".rstrip("%"): precision(ranked, round(share * len(ids))) for share in TOPS}
    if wrong.any() and not wrong.all():
        named["average_precision"] = float(average_precision_score(wrong[known], -verdict.found.quality[known]))
    named["count_error"] = (verdict.found.count - wrong.sum()) / wrong.sum() if wrong.any() else verdict.found.count
    return {name: float(value) for name, value in named.items() if np.isfinite(value)}


def precision(ranked: NDArray[np.bool_], size: int) -> float:
    """Share of the first `size` that is wrong.

    >>> precision(np.array([True, False, True]), 2)
    0.5
    """
    return float(ranked[:size].mean()) if size and len(ranked) else 0.0


def sentences(verdict: Verdict, named: Mapping[str, float], budget: int) -> list[str]:
    """What a person should read first."""
    found = verdict.found
    low, high = found.count_interval
    told = [f"{found.review(budget)}."] if budget else []
    told += [
        f"Of {len(verdict.labelled)} labels about {found.count:.0f} are probably wrong (90 % interval {low:.0f} to {high:.0f}).",
    ]
    if len(verdict.blind):
        told.append(
            f"{len(verdict.blind)} labels could not be judged: no other fold has a sample of their class; add samples of it."
        )
    if named["leaks"]:
        told.append(
            f"{named['leaks']:.0f} pairs of near-copies lie in two splits: look at them in copies.csv; held-out results are too "
            "good where they are."
        )
    if named["heaps_of_look_alikes"]:
        told.append(
            f"{named['heaps_of_look_alikes']:.0f} heaps of look-alikes were too large for copies of one thing (largest_group): "
            "there, equal pixels alone count."
        )
    return told


def _ranked(verdict: Verdict) -> NDArray[np.int64]:
    quality = verdict.found.quality
    return np.asarray(np.lexsort((np.arange(len(quality)), quality)), dtype=np.int64)

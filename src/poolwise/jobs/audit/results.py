"""What an audit came to, in numbers and in sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError, listed
from poolwise.core.types import Labels, Manifest, is_known
from poolwise.jobs.audit.judge import Surroundings, Verdict
from poolwise.ledger.events import LabelsAudited
from poolwise.quality.label_error.label_errors import review_sentence

TOPS = (0.01, 0.02, 0.03)
"""Shares of all labels at whose head precision is measured, as in labelfix's evaluation."""


def results(verdict: Verdict, around: Surroundings, manifest: Manifest, budget: int) -> dict[str, float]:
    """Return numbers for the tracker: how many labels were judged and how many are probably wrong, copies, leaks.

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
    """Count groups of near-copies, samples that could be left out without loss, exact pairs, and pairs across splits."""
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
    """Return true labels where the data have a column of them (class names, "" for unknown); detectors never see it.

    Raises:
        DataError: the column has values that are no classes.
    """
    if column not in manifest.columns or manifest.labels.ndim == 2:
        return None
    values = manifest.columns[column]
    number = _numbers(manifest.classes) if values.dtype.kind == "f" else dict(zip(manifest.classes, count()))
    strange = [value for value in dict.fromkeys(values.tolist()) if value not in number and value != ""]
    if strange:
        raise DataError(
            f"column {column!r} of {manifest.name} should hold true labels, and {listed(strange)} are none of the classes "
            f"({listed(manifest.classes, 20)}); mend them, or name another column with truth=..."
        )
    return np.array([number.get(value, -1) for value in values.tolist()], dtype=np.int64)


def _numbers(classes: Sequence[str]) -> dict[float, int]:
    """Return class number by value: a column in which all cells are numbers was read as numbers."""
    found: dict[float, int] = {}
    for at, name in enumerate(classes):
        with suppress(ValueError):
            found[float(name)] = at
    return found


def scored(verdict: Verdict, truth: Labels, budget: int) -> dict[str, float]:
    """Return how good the list is where the truth (N,) is known: precision at its head, average precision, the count."""
    from sklearn.metrics import average_precision_score

    ids, labels = verdict.labelled.ids, verdict.labelled.labels
    known = is_known(truth[ids])
    wrong = truth[ids] != labels
    order = _ranked(verdict)
    ranked, reviewed = wrong[order[known[order]]], order[:budget][known[order[:budget]]]
    named = {"wrong": float(wrong[known].sum())}
    if len(reviewed):
        named["precision_in_review"] = float(wrong[reviewed].mean())
    if known.any():
        named |= {
            f"precision_top_{share:.0%}".rstrip("%"): precision(ranked, round(share * len(ranked))) for share in TOPS
        }
    if ranked.any() and not ranked.all():
        named["average_precision"] = float(average_precision_score(wrong[known], -verdict.found.quality[known]))
    if known.all() and wrong.any():
        named["count_error"] = (verdict.found.count - wrong.sum()) / wrong.sum()
    return {name: float(value) for name, value in named.items() if np.isfinite(value)}


def precision(ranked: NDArray[np.bool_], size: int) -> float:
    """Return the share of the first `size` that is wrong.

    >>> precision(np.array([True, False, True]), 2)
    0.5
    """
    return float(ranked[:size].mean()) if size and len(ranked) else 0.0


def sentences(verdict: Verdict, named: Mapping[str, float]) -> list[str]:
    """Return what a person should read after the sentence about the review."""
    low, high = verdict.found.count_interval
    told = [
        f"Of {len(verdict.labelled)} labels about {verdict.found.count:.0f} are probably wrong "
        f"(90 % interval {low:.0f} to {high:.0f})."
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


def review_of(audit: LabelsAudited, size: int) -> str:
    """Return what to expect of a review of so many labels; "" for none."""
    named, size = audit.results, min(size, len(audit.expected))
    if not size:
        return ""
    interval = (named["count_low"], named["count_high"])
    return review_sentence(np.array(audit.expected), named["count"], interval, size) + "."


def _ranked(verdict: Verdict) -> NDArray[np.int64]:
    quality = verdict.found.quality
    return np.asarray(np.lexsort((np.arange(len(quality)), quality)), dtype=np.int64)

"""Pictures with any number of labels: every class is judged on its own, present or absent, and the classes put together.

`labels` are (N, C) of 0 and 1, `probs` (N, C) independent out-of-sample probabilities of presence.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Labels
from poolwise.quality.label_error.confident_learning import confident_joint, flagged
from poolwise.quality.label_error.detectors import Auto, LabelView
from poolwise.quality.label_error.estimates import Estimate, binomial
from poolwise.quality.label_error.self_confidence import Probs, Quality

NEXT = 0.8
"""Weight of the next worse class in the moving average."""
TEMPERATURE = 0.1


class Aggregate(str, Enum):
    """Ways to make one quality of those of a picture's labels."""

    EMA = "ema"
    SOFTMIN = "softmin"
    MIN = "min"
    MEAN = "mean"


def aggregated(by_class: Quality, how: Aggregate = Aggregate.EMA) -> Quality:
    """Return (N,) quality of all labels of a sample together, from (N, C) of each.

    EMA: sorted from best to worst, 0.8 of the next and 0.2 of what came before, so that the worst counts most and a second
    bad one still tells (Thyagarajan et al. 2022). Softmin: mean weighed by exp((1 - quality) / 0.1).

    >>> aggregated(np.array([[0.1, 1.0, 0.5]])).round(3).tolist()             # .8 * .1 + .2 * (.8 * .5 + .2 * 1)
    [0.2]
    """
    if how is Aggregate.MIN:
        return np.asarray(by_class.min(axis=1))
    if how is Aggregate.MEAN:
        return np.asarray(by_class.mean(axis=1))
    if how is Aggregate.SOFTMIN:
        weights = np.exp((by_class.min(axis=1, keepdims=True) - by_class) / TEMPERATURE)
        return np.asarray((weights * by_class).sum(axis=1) / weights.sum(axis=1))
    ordered = np.sort(by_class, axis=1)[:, ::-1]
    average = ordered[:, 0].copy()
    for column in ordered.T[1:]:
        average = NEXT * column + (1 - NEXT) * average
    return average


def two_columns(present: Probs) -> Floats:
    """Return (N, 2) probabilities of absent and present, from (N,).

    >>> two_columns(np.array([0.25])).tolist()
    [[0.75, 0.25]]
    """
    return np.stack([1 - present, present], axis=1).astype(np.float32)


def evidence_by_class(labels: Labels, view: LabelView, detector: Any) -> Floats:
    """Return (N, C) what speaks for presence, by a detector of one label for each class in turn.

    Args:
        labels: (N, C) of 0 and 1.
        view: probabilities (N, C), embeddings and groups; its own labels are not looked at.
        detector: of one label.
    """
    columns = [
        detector.evidence(
            LabelView(labels[:, at].astype(np.int64), two_columns(view.probs[:, at]), view.embeddings, view.groups)
        )[:, 1]
        for at in range(labels.shape[1])
    ]
    return np.stack(columns, axis=1)


def quality_by_class(labels: Labels, evidence: Probs, detector: Any) -> Quality:
    """Return (N, C) quality of each label, present (1) or absent (0), from evidence (N, C) for presence."""
    columns = [
        detector.quality(labels[:, at].astype(np.int64), two_columns(evidence[:, at])) for at in range(labels.shape[1])
    ]
    return np.stack(columns, axis=1)


def joints(labels: Labels, probs: Probs) -> NDArray[np.float64]:
    """Return (C, 2, 2) confident joint of each class: counts by given (row) and true (column), absent first.

    >>> probs = np.array([[0.9], [0.95], [0.1], [0.2]])
    >>> joints(np.array([[1], [0], [0], [0]]), probs).tolist()
    [[[2.0, 1.0], [0.0, 1.0]]]
    """
    return np.stack(
        [confident_joint(labels[:, at].astype(np.int64), two_columns(probs[:, at])) for at in range(labels.shape[1])]
    )


def flagged_by_class(labels: Labels, probs: Probs) -> NDArray[np.bool_]:
    """Return (N, C) which labels confident learning prunes by noise rate, each class on its own."""
    return np.stack(
        [flagged(labels[:, at].astype(np.int64), two_columns(probs[:, at])) for at in range(labels.shape[1])], axis=1
    )


def one_changed(labels: Labels, rng: np.random.Generator) -> Labels:
    """Change one label in each row of (N, C): a present one is taken away or an absent one added, at even odds.

    >>> one_changed(np.array([[0, 0], [1, 1]]), np.random.default_rng(0)).sum(axis=1).tolist()
    [1, 1]
    """
    take = rng.random(len(labels)) < 0.5
    has, lacks = (labels == 1).any(axis=1), (labels == 0).any(axis=1)
    target = np.where((take & has) | ~lacks, 1, 0)
    order = np.where(labels == target[:, None], rng.random(labels.shape), -1).argmax(axis=1)
    changed: Labels = labels.copy()
    changed[np.arange(len(labels)), order] = 1 - target
    return changed


def judged(labels: Labels, evidence: Probs) -> Quality:
    """Return (N,) odds of the worst label of a sample: below one half where the evidence speaks against any."""
    return np.asarray(quality_by_class(labels, evidence, Auto()).min(axis=1))


def suggested(labels: Labels, evidence: Probs) -> tuple[Labels, Quality]:
    """Return (N, C) labels, changed where the evidence speaks against, and (N,) its share for the least sure of them.

    >>> [found.tolist() for found in suggested(np.array([[1, 0]], dtype=np.int8), np.array([[0.25, 0.5]]))]
    [[[0, 0]], [0.5]]
    """
    doubted = np.where(labels == 1, evidence < 0.5, evidence > 0.5)
    changed: Labels = np.where(doubted, 1 - labels, labels).astype(np.int8)
    share = np.where(changed == 1, evidence, 1 - evidence)
    return changed, np.asarray(share.min(axis=1), dtype=np.float64)


def off_diagonal(labels: Labels, probs: Probs) -> float:
    """Return how many samples have a wrong label, by the joint of each class, errors of classes being independent.

    >>> off_diagonal(np.array([[1], [0], [0], [0]]), np.array([[0.9], [0.95], [0.1], [0.2]]))
    1.0
    """
    matrices = joints(labels, probs)
    rates = (matrices[:, 0, 1] + matrices[:, 1, 0]) / max(1, len(labels))
    return float(len(labels) * (1 - np.prod(1 - np.clip(rates, 0, 1))))


def other_estimates(labels: Labels, evidence: Probs) -> dict[str, Estimate]:
    """Count samples with a wrong label by "confident_joint" and by "disagreement", with binomial intervals."""
    doubted = ((evidence > 0.5) != (labels == 1)) & (evidence != 0.5)
    return {
        "confident_joint": binomial(off_diagonal(labels, evidence), len(labels)),
        "disagreement": binomial(float(doubted.any(axis=1).sum()), len(labels)),
    }

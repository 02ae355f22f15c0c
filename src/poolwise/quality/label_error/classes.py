"""Label errors by class: the classes that overlap, and those whose labels are least to be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolwise.core.types import Floats
from poolwise.quality.label_error.confident_learning import Prune, confident_joint, flagged
from poolwise.quality.label_error.self_confidence import Numbers, Quality


@dataclass(frozen=True)
class Overlap:
    """Two classes, and how many samples have the label of one and belong to the other.

    Attributes:
        first: the class with the lower number.
        second: the other one.
        share: of all samples, in [0, 1].
        count: in samples, rounded.
    """

    first: int
    second: int
    share: float
    count: int


@dataclass(frozen=True, eq=False)
class ClassFindings:
    """Findings by class, from the confident joint of given and true labels. Entries are NaN where there is no such label.

    Attributes:
        overlaps: pairs of classes, those that overlap most first.
        worst: (C,) classes, the least trustworthy labels first; without samples last.
        noise: (C,) share of a given label that is wrong.
        inverse_noise: (C,) share of a true class that has another label.
        quality: (C,) 1 - noise.
        ambiguity: (C,) mean of second largest over largest probability among those given the label, in [0, 1]: high where the
            model wavers, be the labels right or wrong.
        sizes: (C,) labels given.
        health: share of all labels that confident learning does not call wrong.
    """

    overlaps: tuple[Overlap, ...]
    worst: Numbers
    noise: Quality
    inverse_noise: Quality
    quality: Quality
    ambiguity: Quality
    sizes: Numbers
    health: float


def findings(labels: Numbers, probs: Floats) -> ClassFindings:
    """Find them in labels (N,) and out-of-sample probabilities (N, C).

    >>> probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.7, 0.3]])
    >>> found = findings(np.array([0, 0, 0, 1, 1]), probs)                  # the joint is [[2, 1], [1, 1]]
    >>> found.overlaps[0].share, found.noise.round(3).tolist(), found.inverse_noise.round(3).tolist()
    (0.4, [0.333, 0.5], [0.333, 0.5])
    """
    joint = whole_counts(confident_joint(labels, probs))
    given, true, right = joint.sum(axis=1), joint.sum(axis=0), joint.diagonal()
    noise = _share(given - right, given)
    sizes = np.bincount(labels, minlength=probs.shape[1]).astype(np.int64)
    wavering = np.bincount(labels, weights=_wavering(probs), minlength=probs.shape[1]).astype(np.float64)
    wrong = flagged(labels, probs, Prune.OFF_DIAGONAL).mean() if len(labels) else 0.0
    return ClassFindings(
        overlaps=overlaps(joint),
        worst=np.argsort(-np.where(np.isnan(noise), -1, noise), kind="stable").astype(np.int64),
        noise=noise,
        inverse_noise=_share(true - right, true),
        quality=1 - noise,
        ambiguity=_share(wavering, sizes.astype(np.float64)),
        sizes=sizes,
        health=float(1 - wrong),
    )


def whole_counts(joint: Quality) -> Quality:
    """Round counts (C, C) so that rows add up to what they did: what was rounded off most gives way. As in cleanlab.

    >>> whole_counts(np.array([[1.4, 1.4, 0.2], [0.5, 0.0, 0.5], [0.0, 0.0, 2.0]])).tolist()
    [[2.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]
    """
    counts = np.rint(joint)
    for row, exact in zip(counts, joint, strict=True):
        while missing := round(float(exact.sum() - row.sum())):
            row[np.argmax(np.sign(missing) * (exact - row))] += np.sign(missing)
    return counts


def overlaps(joint: Quality) -> tuple[Overlap, ...]:
    """Return both off-diagonal entries of a pair added up, from counts (C, C); the largest first.

    >>> overlaps(np.array([[8.0, 1.0], [1.0, 0.0]]))
    (Overlap(first=0, second=1, share=0.2, count=2),)
    """
    first, second = np.triu_indices(len(joint), 1)
    mass = joint[first, second] + joint[second, first]
    total = joint.sum() or 1.0
    order = np.argsort(-mass, kind="stable")
    return tuple(
        Overlap(int(first[at]), int(second[at]), float(mass[at] / total), round(float(mass[at]))) for at in order
    )


def _share(part: Quality, whole: Quality) -> Quality:
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))


def _wavering(probs: Floats) -> Quality:
    if probs.shape[1] < 2:
        return np.zeros(len(probs))
    top = np.partition(probs, -2, axis=1)[:, -2:].astype(np.float64)
    return np.asarray(np.divide(top[:, 0], top[:, 1], out=np.zeros(len(top)), where=top[:, 1] > 0))

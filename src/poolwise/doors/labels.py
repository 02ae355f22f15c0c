"""`poolwise.find_label_errors`: which labels are likely wrong.

>>> import numpy as np
>>> import poolwise
>>> labels = np.repeat([0, 1], 20)
>>> probs = np.where(labels[:, None] == [0, 1], 0.9, 0.1)
>>> labels[3] = 1
>>> found = poolwise.find_label_errors(labels, probs)
>>> found.ranking[0].item(), found.suggested[3].item()
(3, 0)
"""

from __future__ import annotations

import difflib
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.checks import check_embeddings, check_labels, check_probs
from poolwise.config.build import build_part, conf_dir
from poolwise.errors import ConfigError, InvalidArray, listed
from poolwise.label_error.confident_learning import confident_joint
from poolwise.label_error.detectors import Auto, Detector, LabelView, needed
from poolwise.label_error.found import LabelErrors, expected_errors
from poolwise.label_error.planted import confusions, expected_count, planted_quality
from poolwise.seeds import generator

SUSPICIOUS = 0.9995
"""Agreement with the given labels from which probabilities look like those of the training set."""
ENOUGH = 200
"""Samples below which such agreement may well be chance."""


def find_label_errors(
    labels: ArrayLike,
    probs: ArrayLike,
    *,
    embeddings: ArrayLike | None = None,
    method: str = "auto",
    budget: int | None = None,
    groups: ArrayLike | None = None,
    seed: int = 0,
    **options: Any,
) -> LabelErrors:
    """Rank labels by how likely they are wrong, and estimate how many are.

    Args:
        labels: (N,) given class numbers, 0 to C - 1.
        probs: (N, C) out-of-sample probabilities: of a model that has not learnt the row's label.
        embeddings: (N, D) features; with them neighbours have a say, which finds more.
        method: a detector in `conf/label_error`: "auto", "odds", "tempered_odds", "self_confidence" (labelfix),
            "normalised_margin", "weighted_entropy", "confident_learning", "neighbour_vote".
        budget: how many to review: the ranking ends there.
        groups: (N,) duplicate groups, -1 for none: a group has one vote among neighbours.
        seed: of the planted errors behind `count` and `expected`.
        **options: of the detector, as in its yaml.

    Raises:
        ConfigError: unknown method or option, or a budget below 1.
        InvalidArray: arrays that do not fit, labels outside the classes or unknown, rows that are no probabilities.

    Warns:
        UserWarning: the probabilities agree with nearly all labels, as those of a model on its own training set do.
    """
    detector = _build(method, options)
    view = _view(labels, probs, embeddings, groups)
    _check(method, detector, view, budget)
    evidence = detector.evidence(view)
    quality = detector.quality(view.labels, evidence)
    order = np.lexsort((np.arange(len(quality)), quality))
    count, interval, planted = _count(view, evidence, detector, seed)
    return LabelErrors(
        ranking=order[:budget],
        quality=quality,
        suggested=evidence.argmax(axis=1).astype(np.int64),
        probability=evidence.max(axis=1).astype(np.float64),
        count=count,
        count_interval=interval,
        estimates=_estimates(view, evidence, count),
        expected=expected_errors(quality[order], planted, count),
        method=method,
    )


def _check(method: str, detector: Detector, view: LabelView, budget: Any) -> None:
    if missing := needed(detector, view):
        raise InvalidArray(f"method={method!r} needs {listed(missing)}; give them, or take another method.")
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 1):
        raise ConfigError(f"budget is how many labels to review, a whole number from 1 on; got {budget!r}.")


def _count(
    view: LabelView, evidence: Any, detector: Detector, seed: int
) -> tuple[float, tuple[float, float], NDArray[np.float64]]:
    """How many are wrong, with an interval, and qualities of planted errors by the detector itself."""
    if evidence.shape[1] < 2 or not len(view.labels):
        return 0.0, (0.0, 0.0), np.empty(0)
    towards, rng = confusions(view.labels, evidence), generator(seed, 0, "planted errors")
    judge = Auto().quality  # the count is that of the evidence, whatever the detector ranks by
    count, low, high = expected_count(lambda given: judge(given, evidence), view.labels, towards, rng)
    return (
        count,
        (low, high),
        planted_quality(view.labels, towards, rng, lambda given: detector.quality(given, evidence)),
    )


def _estimates(view: LabelView, evidence: Any, count: float) -> dict[str, float]:
    joint = confident_joint(view.labels, evidence)
    return {
        "planted": count,
        "confident_joint": float(joint.sum() - np.trace(joint)),
        "disagreement": float((evidence.argmax(axis=1) != view.labels).sum()),
    }


def _view(labels: ArrayLike, probs: ArrayLike, embeddings: ArrayLike | None, groups: ArrayLike | None) -> LabelView:
    given, said = check_labels(labels), check_probs(probs)
    if len(given) != len(said):
        raise InvalidArray(f"labels and probs must have a row for each sample; got {len(given)} and {len(said)}.")
    if (given < 0).any():
        rows = np.flatnonzero(given < 0)
        raise InvalidArray(
            f"labels must be known, 0 to {said.shape[1] - 1}; rows {listed(rows)} are -1. Leave them out."
        )
    given = check_labels(labels, classes=said.shape[1])
    points = None if embeddings is None else check_embeddings(embeddings)
    for name, array in (("embeddings", points), ("groups", None if groups is None else np.asarray(groups))):
        if array is not None and len(array) != len(given):
            raise InvalidArray(f"{name} must have a row for each of {len(given)} samples; got {len(array)}.")
    numbers = None if groups is None else _groups(groups)
    agreement = float((said.argmax(axis=1) == given).mean()) if len(given) else 0.0
    if said.shape[1] > 1 and len(given) >= ENOUGH and agreement >= SUSPICIOUS and len(np.unique(given)) > 1:
        warnings.warn(
            f"{agreement:.2%} of the probabilities agree with the given label: are they of the model's own training set? "
            "Errors show in predictions for samples that the model has not learnt, e.g. by cross-validation.",
            stacklevel=3,
        )
    return LabelView(given, said, points, numbers)


def _groups(groups: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(groups)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InvalidArray(f"groups must be (N,) whole numbers, -1 for none; got shape {array.shape}, {array.dtype}.")
    return array.astype(np.int64)


def detectors() -> list[str]:
    """Names of the methods, in alphabetical order."""
    return sorted(path.stem for path in (conf_dir() / "label_error").glob("*.yaml"))


def _build(method: str, options: dict[str, Any]) -> Detector:
    from omegaconf import OmegaConf

    known = detectors()
    if method not in known:
        near = difflib.get_close_matches(str(method), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {listed(known, most=50)}."
        raise ConfigError(f"there is no detector {method!r}{hint}")
    node = OmegaConf.merge(OmegaConf.load(conf_dir() / "label_error" / f"{method}.yaml"), OmegaConf.create(options))
    detector: Detector = build_part(node, where=method)
    return detector

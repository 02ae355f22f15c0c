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

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.errors import ConfigError, InvalidArray, listed
from poolwise.core.seeds import generator
from poolwise.core.types import Labels
from poolwise.quality.label_error import multilabel
from poolwise.quality.label_error.choice import Comparison
from poolwise.quality.label_error.detectors import Auto, Detector, LabelView, needed
from poolwise.quality.label_error.estimates import Estimate, estimates
from poolwise.quality.label_error.label_errors import LabelErrors, expected_errors, expected_in
from poolwise.quality.label_error.label_view import label_view, several_labels
from poolwise.quality.label_error.methods import build_detector, detectors
from poolwise.quality.label_error.planted import confusions, count_by, expected_count, planted_quality
from poolwise.quality.label_error.self_confidence import Quality

__all__ = ["detectors", "find_label_errors"]
DRAWS = 3
"""Changes of each sample, for the count of samples with several labels."""


def find_label_errors(
    labels: ArrayLike,
    probs: ArrayLike,
    *,
    embeddings: ArrayLike | None = None,
    method: str = "auto",
    budget: int | None = None,
    groups: ArrayLike | None = None,
    margins: ArrayLike | None = None,
    weights: str | Sequence[float] | None = None,
    aggregate: str = "ema",
    seed: int = 0,
    **options: Any,
) -> LabelErrors:
    """Rank labels by how likely they are wrong, and estimate how many are.

    Args:
        labels: (N,) given class numbers, 0 to C - 1; or (N, C) of 0 and 1 where a sample has any number of labels.
        probs: (N, C) out-of-sample probabilities: of a model that has not learnt the row's label. (M, N, C) of several
            models: their mean. With several labels a sample they are independent.
        embeddings: (N, D) features; with them neighbours have a say, which finds more.
        method: a detector in `conf/label_error`; `docs/labels.md` says what each does.
        budget: how many to review: the ranking ends there.
        groups: (N,) duplicate groups, -1 for none: a group has one vote among neighbours.
        margins: (N,) areas under the margin in training, for "area_under_margin".
        weights: of several models: "even", "accuracy", "log_loss", or a number for each.
        aggregate: several labels a sample: "ema", "softmin", "min" or "mean" of their qualities.
        seed: of the planted errors behind `count` and `expected`.
        **options: of the detector, as in its yaml; `members` by name.

    Raises:
        ConfigError: unknown method or option, or a budget below 1.
        InvalidArray: arrays that do not fit, labels outside the classes or unknown, rows that are no probabilities.

    Warns:
        UserWarning: the probabilities agree with nearly all labels, as those of a model on its own training set do.
    """
    return find_with(
        build_detector(method, options), labels, probs, embeddings=embeddings, method=method, budget=budget, groups=groups,
        margins=margins, weights=weights, aggregate=aggregate, seed=seed,
    )  # fmt: skip


def find_with(
    detector: Detector,
    labels: ArrayLike,
    probs: ArrayLike,
    *,
    embeddings: ArrayLike | None = None,
    method: str = "auto",
    budget: int | None = None,
    groups: ArrayLike | None = None,
    margins: ArrayLike | None = None,
    weights: str | Sequence[float] | None = None,
    aggregate: str = "ema",
    seed: int = 0,
) -> LabelErrors:
    """Do as `find_label_errors` with a detector that is built; `method` is its name for messages."""
    if np.ndim(labels) == 2:
        how = _aggregate(aggregate)
        if margins is not None or weights is not None:
            raise ConfigError("margins and weights are for samples with one label each; these have several.")
        given, view = several_labels(labels, probs, embeddings, groups)
        _check(method, detector, view, budget)
        return _of_several(given, view, detector, how, budget, method, seed)
    view = label_view(labels, probs, embeddings, groups, margins, weights)
    _check(method, detector, view, budget)
    return _of_one(view, detector, budget, method, seed)


def _of_one(view: LabelView, detector: Detector, budget: int | None, method: str, seed: int) -> LabelErrors:
    """Return the findings on samples with one label each."""
    detector, comparison = detector.choose(view)
    evidence = detector.evidence(view)
    quality = detector.quality(view.labels, evidence)
    order = np.lexsort((np.arange(len(quality)), quality))
    unasked = Auto().evidence(view) if detector.uses_given_label else evidence  # by the label's own row
    count = _count(view, unasked, seed)
    return LabelErrors(
        ranking=order[:budget],
        quality=quality,
        suggested=evidence.argmax(axis=1).astype(np.int64),
        probability=evidence.max(axis=1).astype(np.float64),
        count=count.count,
        count_interval=(count.low, count.high),
        estimates=estimates(view, unasked, count, generator(seed, 0, "intervals")),
        expected=_expected(view, detector, unasked, quality, order, count.count, comparison, seed),
        method=method,
        comparison=comparison.table if comparison else (),
    )


def _count(view: LabelView, evidence: Any, seed: int) -> Estimate:
    """Return how many are wrong, with an interval: the count is that of the evidence, whatever the detector ranks by."""
    if evidence.shape[1] < 2 or not len(view.labels):
        return Estimate(0.0, 0.0, 0.0)
    towards, rng = confusions(view.labels, evidence), generator(seed, 0, "planted errors")
    return Estimate(*expected_count(lambda given: Auto().quality(given, evidence), view.labels, towards, rng))


def _expected(
    view: LabelView,
    detector: Detector,
    evidence: Any,
    quality: Quality,
    order: NDArray[np.int64],
    count: float,
    comparison: Comparison | None,
    seed: int,
) -> Quality:
    """Return how many wrong ones the first of the ranking hold, by how errors score that were planted."""
    if evidence.shape[1] < 2 or not len(order):
        return np.zeros(len(order))
    if comparison and comparison.table:  # this very detector was tried
        return expected_errors(quality[order], comparison.planted[comparison.ranking[0]], count)
    judge: Detector = Auto() if detector.uses_given_label else detector
    towards, rng = confusions(view.labels, evidence), generator(seed, 0, "planted ranks")
    planted = planted_quality(view.labels, towards, rng, lambda given: judge.quality(given, evidence))
    if not detector.uses_given_label:
        return expected_errors(quality[order], planted, count)
    known = judge.quality(view.labels, evidence)
    first = np.argsort(known, kind="stable")
    return expected_in(order, expected_errors(known[first], planted, count), first)


def _of_several(
    labels: Labels,
    view: LabelView,
    detector: Detector,
    how: multilabel.Aggregate,
    budget: int | None,
    method: str,
    seed: int,
) -> LabelErrors:
    """Return the findings on samples with any number of labels."""
    evidence = multilabel.evidence_by_class(labels, view, detector)
    by_class = multilabel.quality_by_class(labels, evidence, detector)
    quality = multilabel.aggregated(by_class, how)
    order = np.lexsort((np.arange(len(quality)), quality))
    suggested, probability = multilabel.suggested(labels, evidence)
    rng, count, planted = generator(seed, 0, "planted errors"), Estimate(0.0, 0.0, 0.0), np.empty(0)
    if len(labels):
        changed = [multilabel.one_changed(labels, rng) for _ in range(DRAWS)]
        odd = np.sort(np.concatenate([multilabel.judged(other, evidence) for other in changed]))
        count = Estimate(*count_by(multilabel.judged(labels, evidence), odd))
        qualities = [multilabel.quality_by_class(other, evidence, detector) for other in changed]
        planted = np.sort(np.concatenate([multilabel.aggregated(some, how) for some in qualities]))
    return LabelErrors(
        ranking=order[:budget],
        quality=quality,
        suggested=suggested,
        probability=probability,
        count=count.count,
        count_interval=(count.low, count.high),
        estimates={"planted": count, **multilabel.other_estimates(labels, evidence)},
        expected=expected_errors(quality[order], planted, count.count),
        method=method,
        by_class=by_class,
    )


def _check(method: str, detector: Detector, view: LabelView, budget: Any) -> None:
    if missing := needed(detector, view):
        raise InvalidArray(f"method={method!r} needs {listed(missing)}; give them, or take another method.")
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 1):
        raise ConfigError(f"budget is how many labels to review, a whole number from 1 on; got {budget!r}.")


def _aggregate(name: str) -> multilabel.Aggregate:
    known = [how.value for how in multilabel.Aggregate]
    if name not in known:
        raise ConfigError(f"aggregate must be one of {listed(known)}; got {name!r}.")
    return multilabel.Aggregate(name)

"""`poolwise.compare_detectors` and `poolwise.class_findings`: which detector fits these data, and what errors say of classes.

>>> import numpy as np
>>> import poolwise
>>> labels = np.repeat([0, 1], 100)
>>> probs = np.where(labels[:, None] == [0, 1], 0.9, 0.1)
>>> labels[:2] = 1
>>> table = poolwise.compare_detectors(labels, probs, methods=["odds"])         # two wrong already, and four planted
>>> [(row.shape, row.k, row.recall) for row in table][2]
('uniform', 8, 1.0)
>>> poolwise.class_findings(labels, probs).health
0.99
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from poolwise.core.errors import ConfigError, InvalidArray, listed
from poolwise.core.parts import build_named, part_names
from poolwise.quality.label_error.choice import PlantedScore, compared
from poolwise.quality.label_error.classes import ClassFindings, findings
from poolwise.quality.label_error.detectors import Detector, needed
from poolwise.quality.label_error.ensemble import able
from poolwise.quality.label_error.label_view import label_view


def compare_detectors(
    labels: ArrayLike,
    probs: ArrayLike,
    *,
    embeddings: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    share: float = 0.02,
    methods: Sequence[str] | None = None,
    seed: int = 0,
) -> list[PlantedScore]:
    """Plant known errors among the labels and see how many each detector finds.

    The probabilities stay those of a model that learnt from the labels without these errors, so the figures are a little too
    good; errors that were there before count as mistakes, so they are a little too bad. Between detectors they hold.

    Args:
        labels: (N,) given class numbers, taken for right.
        probs: (N, C) out-of-sample probabilities, or (M, N, C) of several models.
        embeddings: (N, D) features.
        groups: (N,) duplicate groups, -1 for none.
        share: of the labels of each class that is changed, in (0, 1): 0.01 to 0.03 is like real data.
        methods: detectors; without, those of `conf/label_error/planted.yaml` whose arrays are there.
        seed: of the changes.

    Returns:
        For each detector, shape of errors ("uniform", "confusions") and number looked at (half as many as were planted, as
        many, twice as many) a record with precision, recall and average precision. Empty where no class is large enough.

    Raises:
        ConfigError: unknown method, or a share outside (0, 1).
        InvalidArray: as `find_label_errors`; or a method named needs an array that did not come.
    """
    if not 0 < share < 1:
        raise ConfigError(f"share of the labels to change must be in (0, 1); got {share!r}.")
    view = label_view(labels, probs, embeddings, groups)
    if methods is None:
        members: Mapping[str, Any] = able(build_detector("planted", {}).members, view)
    else:
        members = {name: build_detector(name, {}) for name in methods}
    for name, member in members.items():
        if missing := needed(member, view):
            raise InvalidArray(f"method={name!r} needs {listed(missing)}; give them, or take another method.")
    return list(compared(view, members, share, seed).table)


def class_findings(labels: ArrayLike, probs: ArrayLike) -> ClassFindings:
    """Return which classes overlap, whose labels are least to be trusted, and how healthy all labels are.

    Args:
        labels: (N,) given class numbers.
        probs: (N, C) out-of-sample probabilities, or (M, N, C) of several models.

    Raises:
        InvalidArray: as `find_label_errors`.
    """
    view = label_view(labels, probs)
    return findings(view.labels, view.probs)


def detectors() -> list[str]:
    """Return the names of the methods, in alphabetical order."""
    return part_names("label_error")


def build_detector(method: str, options: Mapping[str, Any]) -> Any:
    """Return the detector of a name; see `build_named`."""
    return build_named("label_error", method, options, word="detector", kind=Detector)

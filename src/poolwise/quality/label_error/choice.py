"""Choice of the detector that is best on these very data: errors are planted, and each detector looks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.ranges import Checked, Count
from poolwise.core.seeds import generator
from poolwise.core.types import Floats, Need
from poolwise.quality.label_error.detectors import Auto, Detector, LabelView, given_first
from poolwise.quality.label_error.ensemble import Ensemble, Members, able
from poolwise.quality.label_error.planted import confusions, expected_count, plant
from poolwise.quality.label_error.self_confidence import Numbers, Quality

LOOKS = (0.5, 1.0, 2.0)
"""Number looked at, for each error planted."""
TOGETHER = "together"
"""Name of the mean rank by the best few."""


@dataclass(frozen=True)
class PlantedScore:
    """Score of one detector on planted errors.

    Attributes:
        detector: its name.
        shape: "uniform", to any other class alike, or "confusions", to those that the model takes a class for.
        share: of the labels of each class that was changed.
        k: how many of the most suspicious were looked at.
        precision: share of these that were planted.
        recall: share of the planted ones that are among them.
        average_precision: over all k.
    """

    detector: str
    shape: str
    share: float
    k: int
    precision: float
    recall: float
    average_precision: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Scores of several detectors on planted errors.

    Attributes:
        table: a score for each detector, shape and k.
        ranking: names, the best by mean average precision first.
        planted: name -> (P,) qualities that it gave to planted errors, ascending.
    """

    table: tuple[PlantedScore, ...]
    ranking: tuple[str, ...]
    planted: Mapping[str, Quality]


def compared(view: LabelView, members: Mapping[str, Any], share: float = 0.02, seed: int = 0) -> Comparison:
    """Plant errors of two shapes and let each detector judge the changed labels, neighbours and all.

    Errors that are there already would count as mistakes of whoever finds them. So as many labels as are probably wrong, the
    first ones by mean rank of all detectors, are neither changed nor looked at. The probabilities stay those of a model that
    learnt from the labels without the planted errors: one that had learnt from them would be a little worse.

    Args:
        view: what is known.
        members: name -> detector, whose arrays are there.
        share: of each class that is changed, in (0, 1).
        seed: of the changes.
    """
    classes = view.probs.shape[1]
    even = (1 - np.eye(classes)) / max(1, classes - 1)
    shapes = (
        {"uniform": even, "confusions": confusions(view.labels, view.probs)} if classes > 1 and len(view.labels) else {}
    )
    scored: dict[str, list[PlantedScore]] = {name: [] for name in members}
    planted: dict[str, list[Quality]] = {name: [] for name in members}
    clear = _undoubted(view, members, seed) if shapes else np.empty(0, dtype=np.int64)
    for shape, towards in shapes.items():
        changed = view.labels.copy()
        changed[clear] = plant(view.labels[clear], share, towards, generator(seed, 0, f"planted {shape}"))
        wrong = changed[clear] != view.labels[clear]
        if not wrong.any():
            continue
        for name, member in members.items():
            quality = member.quality(changed, member.evidence(replace(view, labels=changed)))[clear]
            scored[name] += _scores(name, shape, share, wrong, quality)
            planted[name].append(quality[wrong])
    order = sorted(members, key=lambda name: -float(np.mean([row.average_precision for row in scored[name]] or [0.0])))
    table = tuple(row for name in order for row in scored[name])
    return Comparison(
        table, tuple(order), {name: np.sort(np.concatenate([*some, []])) for name, some in planted.items()}
    )


def _undoubted(view: LabelView, members: Mapping[str, Any], seed: int) -> Numbers:
    """Return the rows but for as many as are probably wrong, the most suspicious by mean rank."""
    from scipy.stats import rankdata

    auto = Auto()
    evidence, rng = auto.evidence(view), generator(seed, 0, "planted errors")
    towards = confusions(view.labels, evidence)
    count, _, _ = expected_count(lambda given: auto.quality(given, evidence), view.labels, towards, rng)
    ranks = [rankdata(member.quality(view.labels, member.evidence(view))) for member in members.values()]
    order = np.argsort(np.mean(ranks, axis=0), kind="stable")
    return np.sort(order[min(len(order), round(count)) :])


def _scores(name: str, shape: str, share: float, wrong: NDArray[np.bool_], quality: Quality) -> list[PlantedScore]:
    from sklearn.metrics import average_precision_score

    count, order = int(wrong.sum()), np.argsort(quality, kind="stable")
    mean, scores = float(average_precision_score(wrong, -quality)), []
    for look in LOOKS:
        k = min(len(wrong), max(1, round(look * count)))
        hits = int(wrong[order[:k]].sum())
        scores.append(PlantedScore(name, shape, share, k, hits / k, hits / count, mean))
    return scores


@dataclass(frozen=True)
class Planted(Checked, Detector):
    """The detector that finds planted errors best, or the mean rank by the best few.

    Members whose arrays are not there are left out.

    Attributes:
        members: name -> detector, at least one.
        share: of the labels of each class that is changed on trial.
        best: how many of the best are taken together.
        seed: of the changes.
    """

    members: Members = field(default_factory=dict)
    share: Annotated[float, Interval(gt=0, lt=1)] = 0.02
    best: Count = 1
    seed: int = 0

    needs: ClassVar[Need] = Need.PROBS
    uses_given_label: ClassVar[bool] = True

    def choose(self, view: LabelView) -> tuple[Any, Comparison]:
        """Return the detector and the comparison behind it; it stands first in the ranking, as "together" if it is several."""
        there = able(self.members, view)
        if not there:
            raise ConfigError("planted: none of the members has the arrays that it needs.")
        comparison = compared(view, there, self.share, self.seed)
        names = comparison.ranking[: self.best]
        if len(names) == 1:
            return there[names[0]], comparison
        both = Ensemble({name: there[name] for name in names})
        also = compared(view, {TOGETHER: both}, self.share, self.seed)
        table, ranking = (*comparison.table, *also.table), (TOGETHER, *comparison.ranking)
        return both, Comparison(table, ranking, {**comparison.planted, **also.planted})

    def evidence(self, view: LabelView) -> Floats:
        """Return (N, C) of the detector chosen."""
        detector, _ = self.choose(view)
        evidence = detector.evidence(view)
        return given_first(view.labels, detector.quality(view.labels, evidence), evidence)

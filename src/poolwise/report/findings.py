"""What a run found, in sentences: the answer first, then how sure it is.

One seed says little. So a difference counts only when it is wider than the chance in the draw of the test set, and the
page says that this is the least of the chances at work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from poolwise.core.types import RoundRecord, RunRecord
from poolwise.metric.label_efficiency import Comparison, chance_difference, compare
from poolwise.report import words


class Verdict(str, Enum):
    """Whether choosing the pictures helped, as far as one seed can tell."""

    BETTER = "better"
    EVEN = "even"
    WORSE = "worse"
    MIXED = "mixed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Findings:
    """The top of the page.

    Attributes:
        verdict: the answer in a word.
        headline: the answer in a sentence.
        details: sentences with the numbers behind it.
        caution: how far to trust it; "" if there is nothing to trust.
        comparison: the numbers, None without a control or a metric.
        margin: differences below this are within the chance of the test set; None if unknown.
    """

    verdict: Verdict
    headline: str
    details: tuple[str, ...] = ()
    caution: str = ""
    comparison: Comparison | None = None
    margin: float | None = None


def points(run: RunRecord) -> tuple[list[int], list[float]]:
    """Return a run's learning curve: rising numbers of labels and the finite scores there; a later round counts."""
    scores: dict[int, float] = {}
    for record in run.rounds:
        value: float | None = record.metrics.get(run.metric)
        if value is not None and math.isfinite(value) and record.labelled > 0:
            scores[record.labelled] = float(value)
    counts = sorted(scores)
    return counts, [scores[count] for count in counts]


def total(record: RoundRecord) -> int:
    """Pictures in the confusion matrix of a round, 0 without one."""
    return sum(map(sum, record.confusion or ()))


def held_out_size(run: RunRecord) -> int | None:
    """How many pictures the metrics were measured on, None if unknown."""
    counted = [total(record) for record in run.rounds if total(record)]
    return (counted[-1] if counted else int(run.data.get("test") or 0)) or None


def findings(runs: Sequence[RunRecord]) -> Findings:
    """Return what the first run found, against its control if there is one."""
    run, control = runs[0], runs[1] if len(runs) > 1 else None
    counts, scores = points(run)
    if not run.rounds:
        return Findings(Verdict.UNKNOWN, "No round has finished yet.")
    if not counts:
        return _unmeasured(run)
    reached = f"{words.score(scores[-1], run.metric)} {words.metric_name(run.metric)} with {_labels(counts[-1])}"
    alone = f"{words.arm(run)} reached {reached}."
    if control is None:
        missing = "There is no random control, so this page cannot say whether choosing the pictures helped."
        return Findings(Verdict.UNKNOWN, alone, (missing,), _caution(run, None))
    if not points(control)[0]:
        return Findings(
            Verdict.UNKNOWN, alone, ("The random control has not finished a round yet.",), _caution(run, None)
        )
    return _compared(run, control)


def _unmeasured(run: RunRecord) -> Findings:
    return Findings(
        Verdict.UNKNOWN,
        f"{_labels(run.rounds[-1].labelled)} after {words.counted(len(run.rounds), 'round')}; the model was not measured.",
        ("There is no held-out test set. Give some labelled pictures the split “test”, and the next round measures.",),
    )


def _compared(run: RunRecord, control: RunRecord) -> Findings:
    comparison = compare(*points(run), *points(control), higher_is_better=words.higher_is_better(run.metric))
    margin = _margin(run, comparison)
    verdict = _verdict(run, comparison, margin)
    return Findings(
        verdict,
        _headline(run, control, verdict),
        _details(run, control, comparison, verdict),
        _caution(run, margin),
        comparison,
        margin,
    )


def _margin(run: RunRecord, comparison: Comparison) -> float | None:
    size = held_out_size(run)
    if size is None or not words.is_share(run.metric) or not math.isfinite(comparison.difference):
        return None
    inside = (
        min(comparison.score, comparison.control_score) >= 0 and max(comparison.score, comparison.control_score) <= 1
    )
    return chance_difference(comparison.score, comparison.control_score, size) if inside else None


def _verdict(run: RunRecord, comparison: Comparison, margin: float | None) -> Verdict:
    """Both the end and the mean over the run are looked at: curves often meet at the end."""
    if margin is None:
        return Verdict.UNKNOWN
    sign = 1 if words.higher_is_better(run.metric) else -1
    gains = [sign * comparison.difference, sign * (comparison.area - comparison.control_area)]
    ahead, behind = any(gain > margin for gain in gains), any(gain < -margin for gain in gains)
    if ahead and behind:
        return Verdict.MIXED
    return Verdict.BETTER if ahead else Verdict.WORSE if behind else Verdict.EVEN


def _headline(run: RunRecord, control: RunRecord, verdict: Verdict) -> str:
    """Each curve at its own end; the two ends may lie at different numbers of labels."""
    (counts, scores), (control_counts, control_scores) = points(run), points(control)
    name, rival, metric = words.arm(run), words.arm(control), words.metric_name(run.metric)
    ours, theirs = words.score(scores[-1], run.metric), words.score(control_scores[-1], run.metric)
    same = counts[-1] == control_counts[-1]
    against = f"{rival} {theirs}" if same else f"{rival} {theirs} with {control_counts[-1]:,}"
    numbers = f"{ours} {metric} with {_labels(counts[-1])}, {against}."
    opening = {
        Verdict.BETTER: f"{name} did better than {rival}: ",
        Verdict.WORSE: f"{name} did worse than {rival}: ",
        Verdict.EVEN: f"{name} did about as well as {rival}: ",
        Verdict.MIXED: f"{name} was ahead of {rival} in part and behind in part: ",
        Verdict.UNKNOWN: f"{name} against {rival}: ",
    }[verdict]
    return opening + numbers


def _details(run: RunRecord, control: RunRecord, comparison: Comparison, verdict: Verdict) -> tuple[str, ...]:
    name, rival = words.arm(run), words.arm(control)
    level = words.score(comparison.level, run.metric)
    sentences = [
        f"For {level}, the best level that both reached, {name} needed {_labels(comparison.labels)} and {rival} "
        f"{comparison.control_labels:,.0f}: {_times(comparison.ratio, name, rival)}."
    ]
    if math.isfinite(comparison.difference):
        mean = words.difference(comparison.area - comparison.control_area, run.metric)
        end = words.difference(comparison.difference, run.metric)
        within = "; both within the chance of this test set" if verdict is Verdict.EVEN else ""
        sentences.append(
            f"{name} against {rival}: {end} at {_labels(comparison.end)}, {mean} on average over the run{within}."
        )
    return tuple(sentences)


def _times(ratio: float, name: str, rival: str) -> str:
    if 0.95 <= ratio <= 1.05:
        return "no real difference"
    return f"{rival} needed {ratio:.1f} times as many" if ratio > 1 else f"{name} needed {1 / ratio:.1f} times as many"


def _caution(run: RunRecord, margin: float | None) -> str:
    size = held_out_size(run)
    repeat = "Repeat it with other seeds before you rely on it."
    if margin is None:
        return f"This is one seed. {repeat}"
    about = "about" if run.metric in ("accuracy", "subset_accuracy") else "at least"
    return (
        f"This is one seed, measured on {size:,} pictures: differences under {about} {100 * margin:.1f} points are "
        f"within the chance of that test set alone, and training adds its own. {repeat}"
    )


def _labels(count: float) -> str:
    return words.counted(round(count), "label")

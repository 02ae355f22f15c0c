"""Names and numbers as a person reads them."""

from __future__ import annotations

import math
import unicodedata

from poolwise.core.types import Label, RoundRecord, RunRecord

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "subset_accuracy": "exact-match accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "mean_average_precision": "mean average precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "ece": "calibration error (ECE)",
    "nll": "negative log-likelihood",
    "brier": "Brier score",
}
MEASURES = {
    "clusters_reached": "share of clusters reached",
    "near_duplicates": "share of picks with a near-copy in the batch",
    "mean_distance": "mean distance of the pool to the batch",
    "class_balance": "balance of predicted classes (1: even)",
}
NOT_SHARES = ("nll", "loss", "brier")
FALLING = ("nll", "loss", "brier", "ece", "error")
BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
CONTROL = "/control"


def metric_name(metric: str) -> str:
    """Return a metric in words.

    >>> metric_name("macro_f1"), metric_name("top_5_accuracy")
    ('macro F1', 'top 5 accuracy')
    """
    return METRICS.get(metric, metric.replace("_", " "))


def measure(name: str) -> str:
    """Return a measure of a batch in words.

    >>> measure("clusters_reached"), measure("other_thing")
    ('share of clusters reached', 'other thing')
    """
    return MEASURES.get(name, name.replace("_", " "))


def short(value: float | None) -> str:
    """Return a number of no fixed unit, in three digits.

    >>> short(0.12345), short(1234.5), short(None)
    ('0.123', '1.23e+03', '–')
    """
    return "–" if value is None or not math.isfinite(value) else f"{value:.3g}"


def is_share(metric: str) -> bool:
    """Whether a metric lies in [0, 1] and is read as a percentage."""
    return not any(word in metric for word in NOT_SHARES)


def higher_is_better(metric: str) -> bool:
    """Which way a metric points.

    >>> higher_is_better("accuracy"), higher_is_better("nll")
    (True, False)
    """
    return not any(word in metric.split("_") for word in FALLING)


def score(value: float | None, metric: str) -> str:
    """Return a metric's value with its unit.

    >>> score(0.9534, "accuracy"), score(0.21447, "nll"), score(None, "accuracy")
    ('95.3 %', '0.214', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    return f"{100 * value:.1f} %" if is_share(metric) else f"{value:.3g}"


def ahead(record: RoundRecord, metric: str) -> str:
    """Return what the next batch is expected to bring.

    >>> outlook = {"labels": 120, "score": 0.82, "low": 0.8, "high": 0.83, "gain": 0.006}
    >>> record = RoundRecord(3, 100, 0, (), (), {}, {}, None, {}, {}, "", outlook=outlook)
    >>> ahead(record, "accuracy")
    '+0.6 points: 82.0 % accuracy with 120 labels (80 % interval 80.0 to 83.0)'
    """
    found = record.outlook
    low, high = (100 * found[end] for end in ("low", "high"))
    gain = f"{100 * found['gain']:+.1f} points" if found["gain"] >= 0.0005 else "less than 0.1 points"
    at = f"{score(found['score'], metric)} {metric_name(metric)} with {found['labels']:,.0f} labels"
    return f"{gain}: {at} (80 % interval {low:.1f} to {high:.1f})"


def difference(value: float | None, metric: str) -> str:
    """Return a signed difference between two values of a metric.

    >>> difference(0.021, "accuracy"), difference(-0.0001, "accuracy"), difference(-0.01, "nll")
    ('+2.1 points', '0.0 points', '−0.01')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text, unit = (f"{100 * value:+.1f}", " points") if is_share(metric) else (f"{value:+.2g}", "")
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−") + unit


def seconds(value: float) -> str:
    """Return a duration.

    >>> seconds(0.274), seconds(83), seconds(7322)
    ('0.3 s', '1 min 23 s', '2 h 2 min')
    """
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def counted(count: int, thing: str) -> str:
    """Return a number of things.

    >>> counted(1, "label"), counted(1200, "label")
    ('1 label', '1,200 labels')
    """
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def label(value: Label) -> str:
    """Return an answer or a suggestion.

    >>> label("cat"), label(("cat", "dog")), label(()), label(None)
    ('cat', 'cat, dog', 'none of the classes', 'skipped')
    """
    if value is None:
        return "skipped"
    if isinstance(value, str):
        return shown(value)
    return ", ".join(shown(name) for name in value) or "none of the classes"


def shown(text: str, most: int = 300) -> str:
    r"""Text from outside, safe to print: no control, bidirectional or broken characters, at most `most` long.

    >>> shown("a\x00b\u202ec"), shown("abcdef", most=4)
    ('a�b�c', 'abc…')
    """
    clean = "".join("�" if mark in BIDI or unicodedata.category(mark) in ("Cc", "Cs") else mark for mark in text)
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def role(run: RunRecord) -> str:
    """Either "control", for the random control of a run, or "active"."""
    return "control" if run.name.endswith(CONTROL) else "active"


def arm(run: RunRecord) -> str:
    """Return what a run is called in figures and sentences."""
    if role(run) != "control":
        return shown(run.strategy, 40)
    return "random drawing" if run.strategy == "random" else f"the control ({shown(run.strategy, 30)})"

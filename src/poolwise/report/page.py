"""The report of a run: `report.html`, `learning_curve.png` and `summary.json` in its folder.

The page is one file that asks nobody for anything: its style is inside and named by its hash in the content security
policy, pictures are data: addresses, there is no script, and Jinja escapes every value.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.files import write_bytes
from poolwise.core.types import Ask, Label, RoundRecord, RunRecord, Split
from poolwise.report import settings, words
from poolwise.report.chart import chart
from poolwise.report.classes import class_rows, confusions, heat_table
from poolwise.report.figures import learning_curve, round_figures
from poolwise.report.findings import findings, points, total
from poolwise.report.pictures import Thumbnail, thumbnail_of
from poolwise.report.rendering import rendered
from poolwise.report.summary import as_text, summary

Pictures = Callable[[int], NDArray[np.uint8]]
A_ROUND, A_PAGE = 60, 1500
"""Most thumbnails in a round, and in the page: some 3 kB each."""
LISTED = 200
"""Most unreadable pictures that are named."""


def write_report(runs: Sequence[RunRecord], thumbnail: Pictures | None, versions: Mapping[str, str]) -> Path:
    """Write the three files, each whole or not at all, replacing older ones.

    Args:
        runs: the run, then its random control if it has one; finished or not.
        thumbnail: sample id -> (C, H, W) uint8 picture; None for a page without pictures.
        versions: package -> version, printed at the end of the page.

    Returns:
        The path of `report.html`.
    """
    folder = runs[0].folder
    write_bytes(folder / "summary.json", as_text(summary(runs, versions)).encode())
    write_bytes(folder / "learning_curve.png", learning_curve(runs))
    write_bytes(folder / "report.html", render(runs, thumbnail, versions).encode("utf-8", "backslashreplace"))
    return folder / "report.html"


def render(runs: Sequence[RunRecord], thumbnail: Pictures | None, versions: Mapping[str, str]) -> str:
    """Return the page as text."""
    return rendered("page.html.j2", **content(runs, thumbnail, versions))


def content(runs: Sequence[RunRecord], thumbnail: Pictures | None, versions: Mapping[str, str]) -> dict[str, Any]:
    """Everything that the template prints, in the order of the page."""
    run = runs[0]
    found = findings(runs)
    measured = any(points(each)[0] for each in runs)
    return {
        "run": run,
        "found": found,
        "state": _state(run),
        "facts": _facts(run),
        "arms": [words.arm(each) for each in runs],
        "metric": words.metric_name(run.metric),
        "wide": chart(runs, found.comparison, 820, 380) if measured else None,
        "narrow": chart(runs, found.comparison, 380, 320) if measured else None,
        "level": words.score(found.comparison.level, run.metric) if found.comparison else "",
        "rounds": _round_rows(runs),
        "gap_unit": ", points" if words.is_share(run.metric) else "",
        "skips": any(record.skipped for record in run.rounds),
        "others": _other_metrics(run),
        **_classes(runs),
        "picked": _picked(run, partial(thumbnail_of, thumbnail)),
        "unreadable": [(words.shown(path), words.shown(why)) for path, why in run.unreadable[:LISTED]],
        "yaml": settings.as_yaml(run.config),
        "command": settings.command(run.command),
        "digest": words.shown(str(run.data.get("digest", "")), 80),
        "versions": dict(versions),
    }


def _state(run: RunRecord) -> str:
    """Return what to know of an unfinished run; "" for a finished one."""
    if run.status == "stopped":
        return ""
    doing = "is waiting for answers" if run.status == "parked" else "has not finished"
    todo = f": {words.shown(run.message).rstrip('.')}" if run.message else ""
    return f"This run {doing}{todo}. The page shows how far it has come."


def _facts(run: RunRecord) -> list[tuple[str, str]]:
    """Return the strip of facts under the headline."""
    facts = [("Data", words.shown(str(run.data.get("name", "")), 60))]
    sizes = {split.value: int(run.data.get(split.value) or 0) for split in Split}
    if any(sizes.values()):
        facts.append(("Pictures", ", ".join(f"{size:,} {split}" for split, size in sizes.items() if size)))
    facts.append(("Model", words.shown(str(run.data.get("model", "")).removeprefix("model: "))))
    if run.rounds:
        last = run.rounds[-1]
        skips = sum(record.skipped for record in run.rounds)
        skipped = f", {skips:,} skipped" if skips else ""
        facts.append(("Labels", f"{last.labelled:,} in {words.counted(len(run.rounds), 'round')}{skipped}"))
        facts.append(("Computing time", words.seconds(sum(_time(record) for record in run.rounds))))
    facts += _slice(run) + _ahead(run)
    if run.config.get("seed") is not None:
        facts.append(("Seed", words.shown(str(run.config["seed"]), 40)))
    if run.status == "stopped" and run.stop_reason:
        facts.append(("Ended because", words.shown(run.stop_reason)))
    return [(name, value) for name, value in facts if value]


def _ahead(run: RunRecord) -> list[tuple[str, str]]:
    """Return what the next batch is expected to bring, by the curve of the rounds so far."""
    ahead = run.rounds[-1].outlook if run.rounds else {}
    return [("Next batch", words.ahead(run.rounds[-1], run.metric))] if ahead else []


def _slice(run: RunRecord) -> list[tuple[str, str]]:
    """Return what the random slice told: accuracy of the last model tested on it, on the pool; regret, on the held-out set."""
    sliced = [record for record in run.rounds if record.pool.get("slice_asked")]
    if not sliced:
        return []
    last = sliced[-1]
    share, asked = last.pool["slice_accuracy"], last.pool["slice_asked"]
    low, high = (100 * end for end in _wilson(round(share * asked), round(asked)))
    text = f"{100 * share:.0f} % right ({low:.0f} to {high:.0f}) before round {last.round}, by {asked:.0f} random picks"
    facts = [("On the pool", text)]
    if run.regret:
        lost, low, high = (100 * run.regret[key] for key in ("regret", "low", "high"))
        labels = f"at {run.regret['labels']:.0f} labels"
        facts.append(("Random minus chosen", f"{lost:+.1f} points ({low:+.1f} to {high:+.1f}) {labels}, held out"))
    return facts


def _wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return the 90 % interval of a share (Wilson 1927).

    >>> [round(end, 3) for end in _wilson(5, 10)]
    [0.269, 0.731]
    """
    from scipy.stats import binomtest

    interval = binomtest(hits, trials).proportion_ci(0.9, "wilson")
    return float(interval.low), float(interval.high)


def _time(record: RoundRecord) -> float:
    return float(record.seconds.get("total", sum(record.seconds.values())))


def _round_rows(runs: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """One row a round of the run, the control's score at the same number of labels beside it."""
    run = runs[0]
    control = dict(zip(*points(runs[1]), strict=True)) if len(runs) > 1 else {}
    rows = []
    for record in run.rounds:
        ours, theirs = record.metrics.get(run.metric), control.get(record.labelled)
        gap = ours - theirs if ours is not None and theirs is not None else None
        rows.append({
            "round": record.round,
            "labels": f"{record.labelled:,}",
            "skipped": record.skipped,
            "score": words.score(ours, run.metric),
            "control": words.score(theirs, run.metric),
            "difference": words.difference(gap, run.metric).removesuffix(" points"),
            "seconds": words.seconds(_time(record)),
        })  # fmt: skip
    return rows


def _other_metrics(run: RunRecord) -> dict[str, Any] | None:
    """Return a table of all metrics by round, if there are more than the headline's."""
    names = list(dict.fromkeys(name for record in run.rounds for name in record.metrics))
    if len(names) < 2:
        return None
    rows = [
        (record.round, f"{record.labelled:,}", [words.score(record.metrics.get(name), name) for name in names])
        for record in run.rounds
    ]
    return {"names": [words.shown(words.metric_name(name)) for name in names], "rows": rows}


def _classes(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """Per-class results and the confusion matrix of the last round that was measured."""
    run = runs[0]
    names = [str(name) for name in run.data.get("classes", ())]
    last = next((record for record in reversed(run.rounds) if record.per_class or record.confusion), None)
    if last is None:
        empty: dict[str, Any] = {"last": None, "heat": None, "matrix": None}
        return {**empty, "by_class": [], "mistaken": [], "rival_classes": False, "tall": False}
    table = heat_table(last, names)
    rows = class_rows(runs, last)
    figure = None if table else round_figures(run)(last).get("confusion_matrix.png")
    return {
        "last": last,
        "by_class": rows,
        "rival_classes": any(row["control"] != "–" for row in rows),
        "tall": any(len(name) > 5 for name in names),
        "heat": table,
        "matrix": base64.b64encode(figure).decode() if figure else None,
        "mistaken": confusions(last, names) if total(last) else [],
    }


def _picked(run: RunRecord, draw: Callable[[int], Thumbnail | None]) -> list[dict[str, Any]]:
    """Return the pictures of each round, newest round first."""
    most = max(1, min(A_ROUND, A_PAGE // max(1, len(run.rounds))))
    groups = []
    for record in reversed(run.rounds):
        pairs = list(zip(record.asks, record.labels, strict=False))
        if pairs:
            cards = [_card(ask, label, draw) for ask, label in pairs[:most]]
            groups.append({
                "round": record.round,
                "asked": len(pairs),
                "mode": words.shown(str(pairs[0][0].details.get("mode", ""))),
                "left_out": len(pairs) - len(cards),
                "agreement": _agreement(pairs),
                "classes": _class_counts(pairs),
                "beside": [_beside(name, measure) for name, measure in record.beside_random.items()],
                "cards": cards,
            })  # fmt: skip
    return groups


def _card(ask: Ask, label: Label, draw: Callable[[int], Thumbnail | None]) -> dict[str, Any]:
    sure = "" if ask.probability is None else f" ({100 * ask.probability:.0f}\u00a0%)"
    suggested = "" if ask.suggestion is None else words.label(ask.suggestion) + sure
    return {
        "id": ask.sample_id,
        "picture": draw(ask.sample_id),
        "path": words.shown(ask.path),
        "file": words.shown(ask.path.replace("\\", "/").rpartition("/")[2] or ask.path),
        "label": words.label(label),
        "skipped": label is None,
        "suggested": suggested,
        "wrong": _agree(ask.suggestion, label) is False,
        "reason": words.shown(ask.reason, 160),
        "nearest": _nearest(ask),
    }


def _nearest(ask: Ask) -> str:
    """Return the labelled sample that looks most like the pick, where that is known."""
    if "nearest_labelled" not in ask.details:
        return ""
    return f"nearest labelled: {ask.details['nearest_labelled']}, at {words.short(ask.details.get('distance'))}"


def _beside(name: str, measure: Mapping[str, Any]) -> dict[str, str]:
    """One measure of a batch beside random draws of the same size."""
    value, low, high = measure["value"], measure["low"], measure["high"]
    lower = measure.get("better") == "lower"
    place = "within what chance gives"
    if value > high or value < low:
        place = "better than chance" if (value < low) == lower else "worse than chance"
    numbers = {key: words.short(measure[key]) for key in ("value", "random", "low", "high")}
    return {"name": words.measure(name), "place": place, **numbers}


def _agree(suggestion: Label, label: Label) -> bool | None:
    """Whether the model suggested what was answered, in any order of classes; None where one of them is missing."""
    if suggestion is None or label is None:
        return None
    return suggestion == label if isinstance(label, str) else set(suggestion) == set(label)


def _agreement(pairs: Sequence[tuple[Ask, Label]]) -> str:
    """How often the model would have been right: near chance level for pictures that teach it something."""
    both = [agreed for agreed in (_agree(ask.suggestion, label) for ask, label in pairs) if agreed is not None]
    return f"the model would have been right about {sum(both)} of {len(both)}" if both else ""


def _class_counts(pairs: Sequence[tuple[Ask, Label]]) -> str:
    """Return what the round's labels were, the most frequent first."""
    counts = Counter(words.label(label) for _, label in pairs).most_common(12)
    more = len({words.label(label) for _, label in pairs}) - len(counts)
    return ", ".join(f"{name} ({count}×)" for name, count in counts) + (f" and {more} more" if more else "")

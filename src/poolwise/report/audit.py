"""The page of an audit: the labels to look at again, with their pictures, and what is known of all labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.files import write_bytes
from poolwise.core.types import RunRecord
from poolwise.ledger.events import LabelsAudited
from poolwise.report import settings, words
from poolwise.report.pictures import thumbnail_of
from poolwise.report.rendering import rendered

Columns = Mapping[str, list[Any]]
Pictures = Callable[[int], NDArray[np.uint8]]

MOST = 300
"""Suspicious labels with a picture: some 3 kB each."""
OPEN = 60
"""Of these, how many are seen at once; the rest unfolds."""
ROWS = 30
"""Rows of the other tables."""
ESTIMATES = {
    "planted": "by planted errors",
    "confident_joint": "by confident learning",
    "disagreement": "the model disagrees",
    "transition": "by neighbours' labels",
}
TABLES = {
    "detectors": (
        "Detectors on these data",
        "2 % of the labels were changed on purpose, to any class or as the model confuses them, and each detector looked for "
        "them. Precision: share of these among as many as were changed. The models had not learnt the changed labels, so all "
        "figures are a little too good; between detectors they hold.",
    ),
    "class_pairs": (
        "Classes that are taken for each other",
        "Share and number of all labels that are probably in the wrong one of the two.",
    ),
    "classes": (
        "Labels by class",
        "Wrong: share of the labels of a class that is probably wrong. Missed: share of a class that has another label. "
        "Ambiguity: second largest over largest probability, high where the model wavers.",
    ),
}


SHORT = {"detectors": "Detectors", "class_pairs": "Class pairs", "classes": "Classes"}


@dataclass(frozen=True, eq=False)
class AuditPage:
    """All that the page of an audit tells.

    Attributes:
        run: the audit.
        audit: what the ledger keeps of it.
        tables: name -> columns; `issues` and `copies` among them.
        answers: sample id -> what people said of it, None where they could not tell.
        review: what to expect of the review; "" where there is none.
    """

    run: RunRecord
    audit: LabelsAudited
    tables: Mapping[str, Columns]
    answers: Mapping[int, str | None]
    review: str = ""


def write_audit_page(page: AuditPage, thumbnail: Pictures | None, versions: Mapping[str, str]) -> Path:
    """Write `report.html` into the run's folder, whole or not at all."""
    file = page.run.folder / "report.html"
    text = rendered("audit.html.j2", **content(page, thumbnail, versions))
    write_bytes(file, text.encode("utf-8", "backslashreplace"))
    return file


def content(page: AuditPage, thumbnail: Pictures | None, versions: Mapping[str, str]) -> dict[str, Any]:
    """Everything that the template prints."""
    run, named = page.run, page.audit.results
    cards = _cards(page, thumbnail)
    return {
        "run": run,
        "headline": page.review or page.audit.messages[0],
        "lead": " ".join(page.audit.messages if page.review else page.audit.messages[1:]),
        "state": _state(run),
        "facts": _facts(run, named),
        "cards": cards[:OPEN],
        "more": cards[OPEN:],
        "listed": len(page.tables["issues"]["rank"]),
        "estimates": [
            (ESTIMATES.get(name, name), *(f"{value:,.0f}" for value in values))
            for name, values in page.audit.estimates.items()
        ],
        "tables": [_table(name, page.tables[name]) for name in TABLES if page.tables.get(name)],
        "copies": _copies(page.tables["copies"], named),
        "scored": _scored(named),
        "not_judged": [words.shown(path) for path in page.audit.not_judged[:ROWS]],
        "yaml": settings.as_yaml(run.config),
        "command": settings.command(run.command),
        "versions": dict(versions),
    }


def _state(run: RunRecord) -> str:
    if run.status == "parked":
        return f"The review is waiting for answers: {words.shown(run.message, 600).rstrip('.')}."
    if run.stop_reason and run.results.get("reviewed"):
        return f"The review is done: {run.stop_reason}."
    return ""


def _facts(run: RunRecord, named: Mapping[str, float]) -> list[tuple[str, str]]:
    facts = [
        ("Data", words.shown(str(run.data.get("name", "")), 60)),
        ("Labels judged", f"{named['judged']:,.0f}"),
        ("Probably wrong", f"{named['count']:,.0f} ({named['count'] / max(1, named['judged']):.1%})"),
        ("Detector", words.shown(run.strategy, 40)),
    ]
    if named["copy_groups"]:
        facts.append(("Superfluous near-copies", f"{named['superfluous_copies']:,.0f}"))
    if named["leaks"]:
        facts.append(("Pairs across splits", f"{named['leaks']:,.0f}"))
    return facts


def _cards(page: AuditPage, thumbnail: Pictures | None) -> list[dict[str, Any]]:
    issues, cards = page.tables["issues"], []
    for at in range(min(MOST, len(issues["rank"]))):
        row = {name: column[at] for name, column in issues.items()}
        sample_id = row["sample_id"]
        answer = page.answers.get(sample_id, "")
        cards.append(
            {
                **row,
                "file": row["path"].rsplit("/", 1)[-1],
                "picture": thumbnail_of(thumbnail, row["sample_id"]),
                "probability": f"{row['probability']:.0%}",
                "disagrees": row["suggested"] != row["given"],
                "near": _near(row, thumbnail if at < OPEN else None),
                "answer": _answer(answer, row["given"]) if sample_id in page.answers else "",
            }
        )
    return cards


def _answer(answer: str | None, given: str) -> str:
    """Return what people made of a label."""
    if answer is None:
        return "could not tell"
    return "confirmed" if answer == given else f"now {answer}"


def _near(row: Mapping[str, Any], thumbnail: Pictures | None) -> list[dict[str, Any]]:
    """Return the nearest samples: their labels, and their pictures for the labels that are seen first."""
    return [
        {"label": name, "picture": thumbnail_of(thumbnail, one), "against": name != row["given"]}
        for name, one in zip(row["neighbour_labels"], row["neighbour_ids"], strict=True)
    ]


def _table(name: str, columns: Columns) -> dict[str, Any]:
    title, note = TABLES[name]
    rows = list(zip(*columns.values(), strict=True))
    return {
        "id": name.replace("_", "-"),
        "title": title,
        "short": SHORT[name],
        "note": note,
        "heads": [head.replace("_", " ") for head in columns],
        "rows": [[_cell(value) for value in row] for row in rows[:ROWS]],
        "left": max(0, len(rows) - ROWS),
    }


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else words.shown(str(value), 60)


def _copies(columns: Columns, named: Mapping[str, float]) -> dict[str, Any]:
    return {
        "groups": f"{named['copy_groups']:,.0f}",
        "superfluous": f"{named['superfluous_copies']:,.0f}",
        "exact": f"{named['exact_copies']:,.0f}",
        "leaks": f"{named['leaks']:,.0f}",
        "any": bool(named["copy_groups"]),
        "rows": [
            [
                words.shown(str(columns[name][at]), 60)
                for name in ("path", "split", "other_path", "other_split", "similarity")
            ]
            for at in range(min(ROWS, len(columns["path"])))
        ],
    }


def _scored(named: Mapping[str, float]) -> list[tuple[str, str]]:
    """How good the list was, where the truth is known."""
    if "wrong" not in named:
        return []
    shown = [("Labels that are wrong", f"{named['wrong']:,.0f}")]
    if "precision_in_review" in named:
        shown.append(("Wrong among those to review", f"{named['precision_in_review']:.1%}"))
    tops = [name for name in named if name.startswith("precision_top_")]
    shown += [(f"Wrong among the first {name.rpartition('_')[2]} %", f"{named[name]:.1%}") for name in tops]
    if "average_precision" in named:
        shown.append(("Average precision", f"{named['average_precision']:.3f}"))
    if "count_error" in named:
        shown.append(("Count off by", f"{named['count_error']:+.0%}"))
    return shown

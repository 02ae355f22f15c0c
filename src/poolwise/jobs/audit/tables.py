"""What an audit found, as columns: suspicious labels with their neighbours, the quality of every label, copies and leaks."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Ask, Label, Manifest, decode, label_text
from poolwise.jobs.audit.judge import Surroundings, Verdict

Columns = Mapping[str, list[Any]]


def issues(verdict: Verdict, manifest: Manifest) -> Columns:
    """Return the labels to review, most suspicious first; neighbours are those nearest by embedding, of any label."""
    found, (ids, labels) = verdict.found, (verdict.labelled.ids, verdict.labelled.labels)
    rows = found.ranking[: len(verdict.neighbours)]
    near = [[int(at) for at in line if at >= 0] for line in verdict.neighbours]
    return {
        "rank": list(range(1, len(rows) + 1)),
        "sample_id": [int(ids[row]) for row in rows],
        "path": [manifest.paths[ids[row]] for row in rows],
        "given": [label_text(decode(labels[row], manifest.classes)) for row in rows],
        "suggested": [label_text(decode(found.suggested[row], manifest.classes)) for row in rows],
        "probability": [round(float(found.probability[row]), 4) for row in rows],
        "quality": [round(float(found.quality[row]), 6) for row in rows],
        "expected_errors": [round(float(found.expected[at]), 2) for at in range(len(rows))],
        "neighbour_ids": [[int(ids[at]) for at in line] for line in near],
        "neighbours": [[manifest.paths[ids[at]] for at in line] for line in near],
        "neighbour_labels": [[label_text(decode(labels[at], manifest.classes)) for at in line] for line in near],
        "neighbour_similarity": [
            [round(cosine, 3) for cosine in line[: len(each)]]
            for line, each in zip(verdict.similarity.tolist(), near, strict=True)
        ],
    }


def qualities(kept: Mapping[str, NDArray[Any]], manifest: Manifest) -> Columns:
    """Return every judged label, in the order of the samples, from arrays (n, ...) ids, labels, suggested, ..."""
    return {
        "sample_id": kept["ids"].tolist(),
        "path": [manifest.paths[at] for at in kept["ids"]],
        "given": [label_text(decode(label, manifest.classes)) for label in kept["labels"]],
        "suggested": [label_text(decode(label, manifest.classes)) for label in kept["suggested"]],
        "probability": np.round(kept["probability"], 4).tolist(),
        "quality": np.round(kept["quality"], 6).tolist(),
    }


def copies(around: Surroundings, manifest: Manifest) -> Columns:
    """Return pairs of near-copies, those between splits first."""
    first, second = (around.ids[around.copies.pairs[:, side]] for side in (0, 1))
    leak = manifest.splits[first] != manifest.splits[second]
    order = np.lexsort((-around.copies.similarity, ~leak))
    return {
        "leak": leak[order].tolist(),
        "path": [manifest.paths[at] for at in first[order]],
        "split": manifest.splits[first[order]].tolist(),
        "other_path": [manifest.paths[at] for at in second[order]],
        "other_split": manifest.splits[second[order]].tolist(),
        "similarity": np.round(around.copies.similarity[order], 4).tolist(),
        "exact": around.copies.exact[order].tolist(),
        "group": around.copies.groups[around.copies.pairs[order, 0]].tolist(),
    }


def asks(columns: Columns, manifest: Manifest, rows: Sequence[int]) -> tuple[Ask, ...]:
    """Return rows of the list as questions to an annotator: the right label of each is asked for."""
    details = ("given", "expected_errors", "neighbours", "neighbour_labels", "neighbour_similarity")
    several = manifest.labels.ndim == 2
    return tuple(
        Ask(
            sample_id=columns["sample_id"][at],
            path=columns["path"][at],
            suggestion=_label(columns["suggested"][at], several),
            probability=columns["probability"][at],
            score=round(1 - columns["quality"][at], 6),
            reason=_reason(columns, at),
            details={"review": True, **{name: _cell(columns[name][at]) for name in details}},
        )
        for at in rows
    )


def _reason(columns: Columns, at: int) -> str:
    given, suggested = columns["given"][at], columns["suggested"][at]
    if given == suggested:
        return f"labelled {given}, of which the model is not sure"
    return f"labelled {given}, looks like {suggested} ({columns['probability'][at]:.0%})"


def _label(text: str, several: bool) -> Label:
    return tuple(name for name in text.split("|") if name) if several else text


def _cell(value: Any) -> Any:
    """Return a list as JSON: names may hold any separator."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def as_csv(columns: Columns) -> bytes:
    """Return UTF-8 text, one header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def as_parquet(columns: Columns) -> bytes:
    """Return the same as Parquet."""
    import pyarrow
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table({name: list(values) for name, values in columns.items()}), buffer)
    return buffer.getvalue()

"""From labelled samples to a verdict on each label: near-copies, models that have not seen it, a detector."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError
from poolwise.core.types import Floats, Ids, LabelledSet, Split, Task
from poolwise.geometry.neighbours import unit_rows
from poolwise.geometry.pair_graph import duplicate_groups
from poolwise.jobs.audit.copies import Believed, without_heaps
from poolwise.jobs.audit.out_of_sample import averaged, planned
from poolwise.jobs.audit.parts import AuditParts
from poolwise.jobs.trainings.fits import finish
from poolwise.quality.label_error.label_errors import LabelErrors

LISTED = 1000
"""Suspicious labels that are kept with their neighbours, so that a budget may grow."""
FEW = 3
"""Neighbours named for each suspicious label."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What is known of samples before any label is looked at.

    Attributes:
        ids: (n,) sample ids, ascending.
        embeddings: (n, D), or None.
        copies: near-copies among them, by row.
        groups: (n,) near-copies and the data's own groups together, -1 for none.
    """

    ids: Ids
    embeddings: Floats | None
    copies: Believed
    groups: NDArray[np.int64]

    def of(self, ids: Ids) -> tuple[Floats | None, NDArray[np.int64]]:
        """Return embeddings and groups of some of the samples."""
        rows = np.searchsorted(self.ids, ids)
        return None if self.embeddings is None else self.embeddings[rows], self.groups[rows]


@dataclass(frozen=True, eq=False)
class Verdict:
    """What an audit says of n labels.

    Attributes:
        labelled: the samples and the labels that were judged.
        blind: ids that no model could judge: nobody else has their class.
        probs: (n, C) out-of-sample probabilities.
        found: rows are those of `labelled`.
        neighbours: (B, k) rows of the nearest samples of the first B in the ranking, -1 where there are fewer.
        similarity: (B, k) their cosine.
        findings: further tables, name -> columns.
        seconds: of each step.
    """

    labelled: LabelledSet
    blind: Ids
    probs: Floats
    found: LabelErrors
    neighbours: NDArray[np.int64]
    similarity: Floats
    findings: Mapping[str, Mapping[str, list[Any]]]
    seconds: Mapping[str, float]


def surroundings(parts: AuditParts, ids: Ids) -> Surroundings:
    """Return embeddings and near-copies of samples of any split."""
    embeddings = parts.embed(ids)
    copies = without_heaps(parts.duplicates(ids, embeddings), parts.settings.largest_group)
    return Surroundings(ids, embeddings, copies, _joined(copies.groups, parts.images.manifest.groups, ids))


def judge(parts: AuditParts, labelled: LabelledSet, around: Surroundings) -> Verdict:
    """Train what is needed, and judge every label.

    Raises:
        DataError: all labels equal, or fewer samples than folds.
    """
    manifest = parts.images.manifest
    if manifest.task is Task.MULTICLASS and len(np.unique(labelled.labels)) < 2:
        raise DataError(
            f"all {len(labelled)} labels of {manifest.name} are the same class: there is nothing to tell apart; "
            "audit labels of two classes or more."
        )
    start = time.perf_counter()
    probs, blind = probabilities(parts, labelled, around)
    trained = time.perf_counter()
    sees = ~blind
    seen = LabelledSet(labelled.ids[sees], labelled.labels[sees])
    embeddings, groups = around.of(seen.ids)
    margins = None if parts.margins is None else parts.margins(labelled)[sees]
    found = parts.find(seen.labels, probs[sees], embeddings, groups, margins)
    neighbours, similarity = nearest(embeddings, found.ranking[: max(LISTED, parts.settings.budget)])
    tables = {} if parts.findings is None else parts.findings(seen.labels, probs[sees], embeddings, groups)
    judged = time.perf_counter()
    return Verdict(
        labelled=seen,
        blind=labelled.ids[blind],
        probs=probs[sees],
        found=found,
        neighbours=neighbours,
        similarity=similarity,
        findings=tables,
        seconds={"train": trained - start, "judge": judged - trained},
    )


def probabilities(parts: AuditParts, labelled: LabelledSet, around: Surroundings) -> tuple[Floats, NDArray[np.bool_]]:
    """Return (n, C) out-of-sample probabilities, and (n,) which samples they cannot judge."""
    if parts.imported is not None:
        return parts.imported(labelled.ids), np.zeros(len(labelled), dtype=np.bool_)
    protocol, manifest = parts.settings.partitions, parts.images.manifest
    fits, blind = planned(labelled, around.of(labelled.ids)[1], protocol, parts.members, manifest, parts.cache)
    finish(fits, parts.work, parts.settings.jobs, parts.display)
    return averaged(fits, labelled, len(manifest.classes)), blind


def readable(parts: AuditParts, broken: set[int], *, splits: tuple[str, ...] | None = None) -> Ids:
    """Return ids of the samples that can be read, of some splits or of all."""
    manifest = parts.images.manifest
    wanted = (
        np.isin(manifest.splits, [Split(name).value for name in splits]) if splits else np.full(len(manifest), True)
    )
    wanted[list(broken)] = False
    return np.asarray(np.flatnonzero(wanted), dtype=np.int64)


def nearest(embeddings: Floats | None, rows: Ids) -> tuple[NDArray[np.int64], Floats]:
    """Return the other rows that point most nearly where these do: (B, k) rows and (B, k) cosines, nearest first.

    >>> nearest(np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), np.array([0]))[0].tolist()
    [[1, 2]]
    """
    if embeddings is None:
        return np.empty((len(rows), 0), dtype=np.int64), np.empty((len(rows), 0), dtype=np.float32)
    import faiss

    unit = unit_rows(np.asarray(embeddings, dtype=np.float32))
    k = min(FEW, len(unit) - 1)
    cosines, which = faiss.knn(unit[rows], unit, k + 1, metric=faiss.METRIC_INNER_PRODUCT)
    # the row itself is among them, though not always first where it has copies
    order = np.argsort(which == rows[:, None], axis=1, kind="stable")[:, :k]
    return np.take_along_axis(which, order, axis=1), np.take_along_axis(cosines, order, axis=1)


def _joined(copies: NDArray[np.int64], named: NDArray[np.str_] | None, ids: Ids) -> NDArray[np.int64]:
    """Return (n,) groups of samples that are near-copies or that the data put in one group, through others too."""
    if named is None:
        return copies
    own = named[ids]
    numbers = np.where(own == "", -1, np.unique(own, return_inverse=True)[1].reshape(-1))
    return duplicate_groups(np.concatenate([_links(copies), _links(numbers)]), len(ids))


def _links(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (P, 2) rows that stand next to each other in a group: enough to join all of it."""
    order = np.argsort(groups, kind="stable")
    same = (groups[order][1:] == groups[order][:-1]) & (groups[order][1:] >= 0)
    return np.column_stack([order[:-1][same], order[1:][same]])

"""An audit of the labels gathered so far, in the middle of a labelling loop."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from poolwise.core.errors import DataError
from poolwise.core.parallel import HERE
from poolwise.core.parts import TARGET
from poolwise.core.types import Ask
from poolwise.jobs.audit import steps, tables
from poolwise.jobs.audit.build import FIRST, duplicates_among, embedded, find_errors
from poolwise.jobs.audit.judge import judge, surroundings
from poolwise.jobs.audit.parts import AuditParts
from poolwise.jobs.audit.results import review_of
from poolwise.jobs.audit.settings import AuditConfig
from poolwise.jobs.loop.parts import Parts
from poolwise.jobs.loop.settings import LoopConfig
from poolwise.jobs.run_folder import versions
from poolwise.jobs.samples import training_set
from poolwise.jobs.trainings.fits import fit_and_score
from poolwise.ledger.blobs import Blobs
from poolwise.ledger.events import LabelsAudited
from poolwise.ledger.state import RunState
from poolwise.report.audit import AuditPage, write_audit_page


@dataclass(frozen=True)
class LoopAuditor:
    """Judges the labels of a loop and says which to look at again.

    Attributes:
        review: labels to look at again with each batch.
        parts_of: the parts of an audit of a loop, whose files go to a folder.
    """

    review: int
    parts_of: Callable[[Parts, Path], AuditParts]

    def audit(self, parts: Parts, state: RunState, blobs: Blobs) -> LabelsAudited:
        """Judge the labels; tables and page go to `audits/round_003/` below the run's folder."""
        count = len(state.rounds)
        folder = parts.folder / "audits" / f"round_{count - 1:03d}"
        mine, manifest = self.parts_of(parts, folder), parts.images.manifest
        labelled = training_set(state, manifest)
        try:
            around = surroundings(mine, labelled.ids)
            verdict = judge(mine, labelled, around)
        except DataError as error:  # too few labels yet
            return LabelsAudited({}, (f"no audit: {error}",))
        audit = steps.audited(verdict, around, mine, blobs)
        first = verdict.found.ranking[: mine.settings.budget]
        if len(first):
            right = parts.annotator.share_right(verdict.labelled.ids[first], verdict.labelled.labels[first])
            if right is not None and not np.isnan(right):
                audit = replace(audit, results={**audit.results, "precision_in_review": 1 - right})
        budget = mine.settings.budget
        steps.write_tables(audit, folder, manifest, blobs, budget)
        record = state.record(parts.run, folder)
        kept = json.loads(blobs.path(audit.tables).read_text(encoding="utf-8"))
        kept["issues"] = {name: column[:budget] for name, column in kept["issues"].items()}
        page = AuditPage(record, audit, kept, {}, review_of(audit, budget))
        write_audit_page(page, lambda at: parts.images.read(steps.one(at))[0], versions())
        return audit

    def reviews(self, parts: Parts, state: RunState, blobs: Blobs) -> tuple[Ask, ...]:
        """Return the most suspicious labels of the last audit that nobody has looked at again, `review` at most."""
        audit = state.audits.get(len(state.rounds))
        if not self.review or audit is None or not audit.tables:
            return ()
        columns = json.loads(blobs.path(audit.tables).read_text(encoding="utf-8"))["issues"]
        seen = {ask.sample_id for round_ in state.rounds for ask in round_.reviews}
        rows = [at for at, sample_id in enumerate(columns["sample_id"]) if sample_id not in seen]
        return tables.asks(columns, parts.images.manifest, rows[: self.review])


COPIES_FROM = 0.9
"""Cosine from which on two pictures of a loop may be near-copies."""


def loop_auditor(settings: LoopConfig) -> LoopAuditor:
    """Return what judges the labels of a loop: the loop's own learner, in folds, in this process."""
    asked = settings.loop_audit()
    detector = dict(settings.label_error or {})

    def parts_of(parts: Parts, folder: Path) -> AuditParts:
        config = {"data": parts.config["data"], "model": parts.config["model"], "trusted": list(settings.trusted)}
        return AuditParts(
            run=parts.run,
            folder=folder,
            cache=parts.folder / "audits" / "fits",
            settings=AuditConfig(folds=asked.folds, seed=settings.seed, budget=asked.budget, jobs=HERE),
            config=parts.config,
            method=str(detector[TARGET]).rpartition(".")[2],
            images=parts.images,
            members={FIRST: config},
            work=lambda fit: fit_and_score(fit, parts.images, parts.learner),
            embed=partial(embedded, parts.images, parts.learner, None, parts.display),
            duplicates=partial(duplicates_among, parts.images, COPIES_FROM, parts.folder / "audits" / "copies"),
            find=partial(find_errors, detector, settings.seed, settings.trusted),
            annotator=parts.annotator,
            tracker=parts.tracker,
            display=parts.display,
            command=parts.command,
        )

    return LoopAuditor(asked.review, parts_of)

"""A run as others are told of it: from the ledger's state to `RunRecord`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poolwise.core.types import Manifest, RoundRecord, RunRecord, Split, label_text
from poolwise.jobs.loop.slice import slice_facts
from poolwise.ledger.state import RoundState, RunState, reading


def run_record(name: str, folder: Path, state: RunState) -> RunRecord:
    """Return all finished rounds of a run. Raises LedgerError: the ledger holds what poolwise does not write."""
    with reading(name):
        return _run_record(name, folder, state)


def _run_record(name: str, folder: Path, state: RunState) -> RunRecord:
    opened = state.opened
    return RunRecord(
        name=name,
        strategy=opened["strategy"],
        folder=folder,
        config=opened["config"],
        command=opened["command"],
        metric=opened["metric"],
        data=opened["data"],
        rounds=tuple(
            _round_record(round_, state.audits.get(round_.round + 1)) for round_ in state.rounds if round_.done
        ),
        status="running" if state.status == "new" else state.status,
        stop_reason=state.stopped,
        message=state.parked,
        regret=state.regret,
        unreadable=tuple((path, why) for _, path, why in opened["unreadable"]),
    )


def _round_record(round_: RoundState, audit: Mapping[str, Any] | None) -> RoundRecord:
    trained, measured = round_.trained, round_.measured
    return RoundRecord(
        round=round_.round,
        labelled=trained["labelled"],
        skipped=sum(label is None for label in round_.labels),
        asks=round_.asks,
        labels=round_.labels,
        metrics=measured["metrics"],
        per_class=measured["per_class"],
        confusion=_matrix(measured["confusion"]),
        fit=trained["fit"],
        seconds=round_.seconds,
        labels_digest=trained["labels_digest"],
        held_out=round_.holdout,
        pool={**round_.pool, **slice_facts(round_), **measured.get("pool", {})},
        beside_random=round_.beside_random,
        outlook=measured.get("outlook", {}),
        audit={**(audit["results"] if audit else {}), **_reviewed(round_)},
    )


def _reviewed(round_: RoundState) -> dict[str, float]:
    """How many labels were looked at again with this batch, and how many of them were changed."""
    if not round_.reviews or not round_.closed:
        return {}
    pairs = zip(round_.reviews, round_.reviewed, strict=True)
    changed = sum(ask.details["given"] != label_text(label) for ask, label in pairs)
    return {"reviewed": float(len(round_.reviews)), "changed_in_review": float(changed)}


def _matrix(rows: Any) -> tuple[tuple[int, ...], ...] | None:
    return None if rows is None else tuple(tuple(row) for row in rows)


def data_facts(manifest: Manifest, **more: Any) -> dict[str, Any]:
    """What ledgers, reports and trackers are told of the data."""
    return {
        "name": manifest.name,
        "digest": manifest.digest(),
        "task": manifest.task.value,
        "classes": list(manifest.classes),
        **{split.value: len(manifest.ids(split)) for split in (Split.POOL, Split.VALIDATION, Split.TEST)},
        **more,
    }

"""Which samples are what: sets that follow from the ledger and the manifest. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import UnreadableImages, listed
from poolwise.core.interfaces import Display, ImageSource
from poolwise.core.types import Annotation, Ids, LabelledSet, Manifest, Split, encode
from poolwise.ledger.state import RunState


def pool_left(state: RunState, manifest: Manifest) -> Ids:
    """Return ids that could still be asked, ascending: in the pool, readable, neither answered nor being asked.

    Samples of a batch that was closed without their answer come back; those asked for the test set never do.
    """
    gone = {*state.annotations, *state.holdout(), *state.opened.left_out, *state.opened.broken}
    if state.rounds and not state.rounds[-1].closed:
        gone |= {ask.sample_id for ask in state.rounds[-1].asks}
    pool = manifest.ids(Split.POOL)
    left = pool[~np.isin(pool, np.fromiter(gone, dtype=np.int64, count=len(gone)))]
    return left[~in_groups_of(state.holdout(), left, manifest)]


def in_groups_of(held: Collection[int], ids: Ids, manifest: Manifest) -> NDArray[np.bool_]:
    """Return (n,) which samples picture the same thing as one of the test set; they must not be trained on."""
    if manifest.groups is None or not held:
        return np.zeros(len(ids), dtype=np.bool_)
    names = set(manifest.groups[list(held)].tolist()) - {""}
    return np.isin(manifest.groups[ids], list(names))


def training_set(state: RunState, manifest: Manifest) -> LabelledSet:
    """Return what may be trained on: the latest annotation of each sample, less skipped and held-out ones; ascending ids."""
    held = state.holdout()
    rows = [row for row in state.annotations.values() if row.label is not None and row.sample_id not in held]
    return _labelled(sorted(rows, key=lambda row: row.sample_id), manifest)


def test_set(state: RunState, manifest: Manifest) -> LabelledSet:
    """Return what is measured on: the data's own test split, and what was asked for as a test set."""
    held = state.holdout()
    asked = [row for row in state.annotations.values() if row.label is not None and row.sample_id in held]
    own = _given(manifest, Split.TEST, state)
    extra = _labelled(sorted(asked, key=lambda row: row.sample_id), manifest)
    return LabelledSet(np.concatenate([own.ids, extra.ids]), np.concatenate([own.labels, extra.labels]))


def validation_set(state: RunState, manifest: Manifest) -> LabelledSet | None:
    """Return the data's own validation split, or None."""
    own = _given(manifest, Split.VALIDATION, state)
    return own if len(own) else None


def _given(manifest: Manifest, split: Split, state: RunState) -> LabelledSet:
    ids = manifest.ids(split)
    ids = ids[manifest.known()[ids] & ~np.isin(ids, np.array(state.opened.broken, dtype=np.int64))]
    return LabelledSet(ids, manifest.labels[ids])


def _labelled(rows: Sequence[Annotation], manifest: Manifest) -> LabelledSet:
    ids = np.array([row.sample_id for row in rows], dtype=np.int64)
    return LabelledSet(ids, encode([row.label for row in rows], manifest.classes, manifest.task))


def labels_digest(labelled: LabelledSet) -> str:
    """Return the SHA-256 over ids and labels."""
    return hashlib.sha256(labelled.ids.astype("<i8").tobytes() + labelled.labels.astype("<i8").tobytes()).hexdigest()


def data_facts(manifest: Manifest, **more: Any) -> dict[str, Any]:
    """Return what ledgers, reports and trackers show of the data."""
    return {
        "name": manifest.name,
        "digest": manifest.digest(),
        "task": manifest.task.value,
        "classes": list(manifest.classes),
        **{split.value: len(manifest.ids(split)) for split in (Split.POOL, Split.VALIDATION, Split.TEST)},
        **more,
    }


def unreadable(images: ImageSource, display: Display, *, announce: bool = True) -> list[tuple[int, str, str]]:
    """Return (sample_id, path, why) of pictures that cannot be read, after all have been tried.

    Raises:
        UnreadableImages: more than the data allow.
    """
    manifest = images.manifest
    found = images.unreadable(display.progress)
    rows = [(int(sample_id), manifest.paths[sample_id], why) for sample_id, why in found]
    allowed = images.max_unreadable
    if len(rows) > allowed * len(manifest):
        named = "\n  ".join(f"{path}: {why}" for _, path, why in rows[:20])
        raise UnreadableImages(
            f"{len(rows)} of {len(manifest)} pictures cannot be read, more than data.max_unreadable={allowed:g} allows:\n"
            f"  {named}\nMend or remove them, or raise data.max_unreadable to leave them out."
        )
    if rows and announce:
        display.warn(
            f"{len(rows)} of {len(manifest)} pictures cannot be read and are left out: {listed(path for _, path, _ in rows)}"
        )
    return rows

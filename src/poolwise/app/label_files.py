"""`poolwise labels`: all labels of a run as a file that poolwise, or another tool, reads."""

from __future__ import annotations

from pathlib import Path

from poolwise.annotation.formats import FORMATS, by_ending
from poolwise.app.terminal import Terminal
from poolwise.core.errors import ConfigError, DataChanged, listed
from poolwise.core.types import Manifest, Split, decode
from poolwise.data.formats.record import Record, names_of
from poolwise.jobs.resume import check_data
from poolwise.jobs.stored import stored_run
from poolwise.ledger.state import RunState


def labels(folder: Path, out: Path | None, kind: str | None = None, *, trusted: bool = False) -> None:
    """Write all samples and their labels, the unlabelled ones too; skipped and unreadable ones are left out.

    If the data have changed since, only what people answered, by the paths that the ledger holds.

    Args:
        folder: of the run.
        out: the file, or for image_folder the folder; None takes `labels` in the run's folder.
        kind: a name in the table of formats; None goes by the ending of `out`.
        trusted: a person vouches for the settings in the folder.

    Raises:
        FormatError: the format cannot hold these labels.
    """
    out = out and out.resolve()
    kind = kind or next(iter(by_ending(out) if out else ()), "csv")
    if kind not in FORMATS:
        raise ConfigError(f"the format is {kind!r}; it is one of {listed(FORMATS, 20)}.")
    run = stored_run(folder, trusted=trusted)
    parts = run.shown()
    state = run.ledger.state(run.name)
    manifest = parts.images.manifest
    try:
        check_data(run.name, state.opened.digests, manifest, state.opened.data)
        records = whole(state, manifest)
    except DataChanged:
        records = answered_alone(state, manifest)
        Terminal().warn(
            f"the data of {run.name} have changed: only the {len(records)} labels that were asked for are written."
        )
    out = out or parts.folder / f"labels{FORMATS[kind].ending}"
    FORMATS[kind].load("write")(records, manifest, parts.images, out)
    Terminal().say(f"{sum(row.names is not None for row in records)} labels, {len(records)} rows: {out}")


def whole(state: RunState, manifest: Manifest) -> list[Record]:
    """Return every sample with its label, by the paths of the data."""
    gone = {at for at, row in state.annotations.items() if row.label is None}
    gone |= set(state.opened.broken)
    held, records = state.holdout(), []
    for at, path in enumerate(manifest.paths):
        if at not in gone:
            answer = state.annotations.get(at)
            label = answer.label if answer else decode(manifest.labels[at], manifest.classes)
            split = Split.TEST.value if at in held else str(manifest.splits[at])
            records.append(Record(path, names_of(label), at, split=split))
    return records


def answered_alone(state: RunState, manifest: Manifest) -> list[Record]:
    """Return what was asked and answered, by the paths of then; those that are there still have their id of now."""
    now = {path: at for at, path in enumerate(manifest.paths)}
    paths = {ask.sample_id: ask.path for round_ in state.rounds for ask in round_.asks}
    held = state.holdout()
    return [
        Record(path, names_of(row.label), now.get(path), split=(Split.TEST if at in held else Split.POOL).value)
        for at, path in sorted(paths.items())
        if (row := state.annotations.get(at)) is not None and row.label is not None
    ]

"""`poolwise labels`: all labels of a run as a file that poolwise, or another tool, reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from poolwise.annotation.answers import NONE, label_text
from poolwise.annotation.pictures import copied, pixel_size
from poolwise.app.terminal import Terminal
from poolwise.core.errors import ConfigError, DataChanged, FormatError, listed
from poolwise.core.files import write_text
from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Manifest, Split, Task, decode
from poolwise.data.formats import coco, cvat, jsonl, label_studio
from poolwise.data.formats.folders import as_folder
from poolwise.data.formats.record import Record, names_of, split_place
from poolwise.jobs.resume import check_data
from poolwise.jobs.stored import stored_run
from poolwise.ledger.state import RunState

NO_CLASS = "|"
"""How a manifest says "labelled, with none of the classes"; an empty cell is not labelled."""
ENDINGS = {
    "csv": ".csv",
    "jsonl": ".jsonl",
    "coco": ".coco.json",
    "cvat": ".cvat.xml",
    "label_studio": ".label_studio.json",
    "image_folder": "",
}
"""Format -> what stands behind `labels` in the name of its file."""
BY_ENDING = {".jsonl": "jsonl", ".json": "coco", ".xml": "cvat"}


def labels(folder: Path, out: Path | None, kind: str | None = None, *, trusted: bool = False) -> None:
    """Write all samples and their labels, the unlabelled ones too; skipped and unreadable ones are left out.

    If the data have changed since, only what people answered, by the paths that the ledger holds.

    Args:
        folder: of the run.
        out: the file, or for image_folder the folder; None takes `labels` in the run's folder.
        kind: one of `ENDINGS`; None goes by the ending of `out`.
        trusted: a person vouches for the settings in the folder.

    Raises:
        FormatError: the format cannot hold these labels.
    """
    out = out and out.resolve()
    kind = kind or (BY_ENDING.get(out.suffix.lower(), "csv") if out else "csv")
    if kind not in ENDINGS:
        raise ConfigError(f"the format is {kind!r}; it is one of {listed(ENDINGS, 20)}.")
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
    out = out or parts.folder / f"labels{ENDINGS[kind]}"
    if kind == "image_folder":
        _folders(records, manifest, parts.images, out)
    else:
        write_text(out, WRITERS[kind](records, manifest, parts.images))
    Terminal().say(f"{sum(row.names is not None for row in records)} labels, {len(records)} rows: {out}")


def whole(state: RunState, manifest: Manifest) -> list[Record]:
    """Every sample with its label, by the paths of the data."""
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
    """What was asked and answered, by the paths of then; those that are there still have their id of now."""
    now = {path: at for at, path in enumerate(manifest.paths)}
    paths = {ask.sample_id: ask.path for round_ in state.rounds for ask in round_.asks}
    held = state.holdout()
    return [
        Record(path, names_of(row.label), now.get(path), split=(Split.TEST if at in held else Split.POOL).value)
        for at, path in sorted(paths.items())
        if (row := state.annotations.get(at)) is not None and row.label is not None
    ]


def _place(record: Record, images: ImageSource) -> str:
    """Where a picture lies, with the box behind it for a crop; its key where it has no file."""
    if record.sample_id is None:
        return record.path
    file = images.file(record.sample_id)
    if file is not None:
        return str(file.resolve())
    return images.place(record.sample_id) or record.path


def _csv(records: Sequence[Record], manifest: Manifest, images: ImageSource) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "labels" if manifest.task is Task.MULTILABEL else "label", "split"])
    writer.writerows((_place(row, images), _cell(row.names), row.split) for row in records)
    return text.getvalue()


def _cell(names: tuple[str, ...] | None) -> str:
    return "" if names is None else label_text(names) if names else NO_CLASS


def _jsonl(records: Sequence[Record], manifest: Manifest, images: ImageSource) -> str:
    return jsonl.write([replace(row, path=_place(row, images), sample_id=None) for row in records], manifest.task)


def _pictures(records: Sequence[Record], images: ImageSource) -> list[Record]:
    """With paths as in the data, boxes apart from them, and sizes where a file tells."""
    found = []
    for row in records:
        path, box = split_place(row.path)
        file = Path(split_place(_place(row, images))[0])
        found.append(replace(row, path=path, box=box, size=pixel_size(file) if file.is_file() else None))
    return found


def _coco(records: Sequence[Record], manifest: Manifest, images: ImageSource) -> str:
    return coco.write(_pictures(records, images), manifest.classes, manifest.name)


def _cvat(records: Sequence[Record], manifest: Manifest, images: ImageSource) -> str:
    # a picture without tags is one that nobody has looked at
    found = [replace(row, names=(NONE,)) if row.names == () else row for row in _pictures(records, images)]
    none = [row.path for row in records if row.names == ()]
    if none and NONE in manifest.classes:
        raise FormatError(
            f"{len(none)} pictures show none of the classes, which CVAT would take for the class {NONE!r}."
        )
    return cvat.write(found, [*manifest.classes, *([NONE] if none else [])], manifest.name)


def _label_studio(records: Sequence[Record], manifest: Manifest, images: ImageSource) -> str:
    return label_studio.write(label_studio.task_body(row, row.path) for row in records)


def _folders(records: Sequence[Record], manifest: Manifest, images: ImageSource, out: Path) -> None:
    """Copies of all pictures: out/<split>/<class>/, unlabelled ones in out/<split>/unlabelled/."""
    if manifest.task is Task.MULTILABEL:
        raise FormatError(
            "a picture lies in one folder, and these have several labels; choose another format, e.g. coco."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FormatError(f"{out} is there already; name an empty folder with --out, so that no old label stays.")
    for name in manifest.classes:
        (out / Split.POOL.value / as_folder(name, "unlabelled", "unlabeled")).mkdir(parents=True, exist_ok=True)
    lost = [row.path for row in records if row.sample_id is None]
    if lost:
        raise FormatError(f"{len(lost)} pictures are no longer among the data: {listed(lost)}; restore them.")
    for row in records:
        if row.sample_id is not None:
            copied(row.sample_id, images, out / row.split / (as_folder(row.names[0]) if row.names else "unlabelled"))


Writer = Callable[[Sequence[Record], Manifest, ImageSource], str]
WRITERS: dict[str, Writer] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "coco": _coco,
    "cvat": _cvat,
    "label_studio": _label_studio,
}

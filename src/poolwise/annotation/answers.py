"""From the records of a file or a server to answers: checked as a whole before any is taken, the same for every format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from poolwise.core.errors import ConflictingAnswers, UnknownLabel, UnknownSample, listed
from poolwise.core.types import Answer, Ask, Batch, Label, Task
from poolwise.data.formats.record import Record

SKIP = "skip"
NONE = "none"
"""For several labels: answered, and no class applies. Where nothing stands, nothing is answered yet."""
PICTURE = re.compile(r"sample_(\d{7,18})$")
"""The name of a picture that was written for people; see `pictures.name_of`."""


def choices(batch: Batch) -> list[str]:
    """Return what people choose from: the classes, skip, and for several labels none, unless classes have these names.

    >>> from pathlib import Path
    >>> choices(Batch(0, (), ("cat", "Skip"), Task.MULTILABEL, Path()))
    ['cat', 'Skip', 'none']
    """
    taken = {name.casefold() for name in batch.classes}
    extra = [NONE, SKIP] if batch.task is Task.MULTILABEL else [SKIP]
    return [*batch.classes, *(name for name in extra if name not in taken)]


def label_text(label: Label) -> str:
    """Return a label as it stands in a cell.

    >>> label_text(("cat", "dog")), label_text("cat"), label_text(()), label_text(None)
    ('cat|dog', 'cat', 'none', 'skip')
    """
    if label is None:
        return SKIP
    return label if isinstance(label, str) else "|".join(label) or NONE


def asked(ask: Ask, path: str) -> Record:
    """Return the record of a sample that goes out, with the picture at `path`."""
    suggestion = ask.suggestion if ask.probability is not None else None
    return Record(
        path,
        sample_id=ask.sample_id,
        suggested=(suggestion,) if isinstance(suggestion, str) else suggestion,
        probability=ask.probability,
        score=ask.score,
        reason=ask.reason,
        details=ask.details,
    )


def answers_from(records: Sequence[Record], batch: Batch, where: str, annotator: str) -> list[Answer]:
    """Return the answers among records, without those that say nothing yet.

    Args:
        records: as read.
        batch: that was asked.
        where: the file or project, for messages.
        annotator: who answered, where the record does not say.

    Raises:
        UnknownSample: records of pictures that were not asked for, or that fit several.
        UnknownLabel: a name that is no class.
        ConflictingAnswers: one sample is answered twice and differently.
    """
    index = _Index(batch)
    found = [(record, index.find(record)) for record in records]
    unknown = [record for record, ids in found if not ids]
    if unknown:
        names = [" ".join(_named(record)) for record in unknown]
        raise UnknownSample(
            f"{where} answers {len(unknown)} samples that round {batch.round} did not ask for: {listed(names)}; "
            f"{len(batch.asks)} were asked. Remove those rows, or answer the file of the right round."
        )
    if unclear := [f"{record.path} ({listed(sorted(ids))})" for record, ids in found if len(ids) > 1]:
        raise UnknownSample(f"{where}: the names of {len(unclear)} pictures fit several samples: {listed(unclear)}.")
    answers: dict[int, Answer] = {}
    for record, (sample_id,) in found:
        if record.names is None or (not record.names and batch.task is Task.MULTICLASS):  # nothing chosen yet
            continue
        answer = Answer(sample_id, label_of(record.names, batch, record.where or where), record.annotator or annotator)
        before = answers.setdefault(sample_id, answer)
        if before.label != answer.label:
            raise ConflictingAnswers(
                f"{where} answers sample {sample_id} twice: {label_text(before.label)!r} and, in "
                f"{_within(record.where, where)}, {label_text(answer.label)!r}. Keep one of them."
            )
    return list(answers.values())


def _named(record: Record) -> list[str]:
    number = [] if record.sample_id in (None, -1) else [str(record.sample_id)]
    return [*number, f"({record.path})" if number else record.path] if record.path else number


def _within(place: str, where: str) -> str:
    return place.removeprefix(f"{where}, ") or "another place"


def label_of(names: Sequence[str], batch: Batch, where: str) -> Label:
    """Return the label that names mean; capitals do not matter where no two classes differ by them.

    Raises:
        UnknownLabel: a name that is no class, or several where one is asked for.
    """
    taken = {name.casefold() for name in batch.classes}
    plain = {name.casefold() for name in names if name not in batch.classes}
    if SKIP in plain and SKIP not in taken and len(names) == 1:
        return None
    if batch.task is Task.MULTILABEL:
        if NONE in plain and NONE not in batch.classes and len(names) == 1:
            return ()
        found = {_class(name, batch, where) for name in names}
        return tuple(name for name in batch.classes if name in found)
    if len(names) != 1:
        raise UnknownLabel(f"{where}: {listed(names) or 'nothing'} was chosen; choose one class, or skip.")
    return _class(names[0], batch, where)


def _class(name: str, batch: Batch, where: str) -> str:
    if name in batch.classes:
        return name
    alike = [known for known in batch.classes if known.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise UnknownLabel(f"{where}: {name!r} is not a class; the classes are {listed(batch.classes, 20)}; or write skip.")


class _Index:
    """Finds samples of a batch by id, by the name of a picture that was written for them, and by the end of their path."""

    def __init__(self, batch: Batch) -> None:
        self.ids = set(batch.ids())
        self.paths: dict[str, set[int]] = {}
        for ask in batch.asks:
            self.paths.setdefault(_parts(ask.path)[-1], set()).add(ask.sample_id)
        self.whole = {ask.sample_id: _parts(ask.path) for ask in batch.asks}

    def find(self, record: Record) -> set[int]:
        """Return the ids that a record may mean: none, one, or several where names are alike."""
        parts = _parts(record.path)
        written = PICTURE.search(PurePosixPath(parts[-1]).stem)
        if record.sample_id is not None:
            # the same number means another picture in another run
            other = bool(record.path) and not written and parts[-1] != self.whole.get(record.sample_id, parts)[-1]
            return set() if other else {record.sample_id} & self.ids
        named = {int(written.group(1))} & self.ids if written else set()
        return named | {at for at in self.paths.get(parts[-1], ()) if _ends_alike(self.whole[at], parts)}


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.replace("\\", "/").split("/") if part not in ("", ".")) or ("",)


def _ends_alike(one: Sequence[str], other: Sequence[str]) -> bool:
    shorter = min(len(one), len(other))
    return one[-shorter:] == other[-shorter:]

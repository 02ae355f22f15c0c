"""From loose rows (path, label, split, group) to a `Manifest`: checked, sorted, numbered, with a test set held out."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError, UnknownLabel, listed
from poolwise.core.types import Label, Labels, Manifest, Split, Task, encode
from poolwise.data.holdout import assign_splits


@dataclass(frozen=True, slots=True)
class Row:
    """One sample as a folder or table tells it; `where` ("items.csv line 3") is for messages."""

    path: str
    label: Label = None
    split: Split | None = None
    group: str = ""
    where: str = ""
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class HeldOut:
    """How much of the labelled rows to hold out where the data name no test or validation rows."""

    test_fraction: float
    validation_fraction: float
    seed: int


def tidy(name: object) -> str:
    """Return a class name without blanks around it, in one Unicode form, so that folders of a Mac and typed names agree."""
    return unicodedata.normalize("NFC", str(name)).strip()


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return distinct names in order: numbers by value, otherwise Python's order of strings.

    >>> class_order(["10", "9", "9"]), class_order(["dog", "Cat"])
    (('9', '10'), ('Cat', 'dog'))
    """
    distinct = set(names)
    numeric = all(name.isdecimal() for name in distinct)
    return tuple(sorted(distinct, key=lambda name: (int(name), name) if numeric else (0, name)))


def class_list(given: Sequence[str] | None, found: Iterable[str], task: Task) -> tuple[str, ...]:
    """Return the classes: as given, else those found in the data.

    Raises:
        DataError: a blank or repeated name, or too few classes to tell apart.
    """
    names = class_order(found) if given is None else tuple(tidy(name) for name in given)
    if any(not name for name in names):
        raise DataError(f"data.classes holds a blank name: {list(names)}; give every class a name.")
    if len(set(names)) < len(names):
        raise DataError(f"data.classes names a class twice: {listed(names, 20)}; name each once.")
    least = 2 if task is Task.MULTICLASS else 1
    if len(names) < least:
        known = f"only one class is known ({names[0]})" if names else "no classes are known, as nothing is labelled"
        raise DataError(f"{known}; say which there are, e.g. data.classes=[cat,dog].")
    return names


def build_manifest(name: str, rows: Sequence[Row], classes: tuple[str, ...], task: Task, held_out: HeldOut) -> Manifest:
    """Return rows numbered by sorted path, labels encoded, what is to be held out held out; `contents` is left empty.

    Raises:
        DataError: no rows, a path that occurs twice or cannot be written down.
        UnknownLabel: a label outside `classes`.
    """
    if not rows:
        raise DataError(f"{name} holds no pictures.")
    ordered = sorted(rows, key=lambda row: row.path)
    check_paths(ordered)
    check_labels(ordered, classes)
    labels = encode([row.label for row in ordered], classes, task)
    groups = np.array([row.group for row in ordered]) if any(row.group for row in ordered) else None
    splits = assign_splits(
        [row.split for row in ordered],
        labels,
        [f"group {row.group}" if row.group else f"path {row.path}" for row in ordered],
        test_fraction=held_out.test_fraction,
        validation_fraction=held_out.validation_fraction,
        seed=held_out.seed,
    )
    paths = tuple(row.path for row in ordered)
    return Manifest(name, paths, splits, classes, task, labels, groups, columns=further_columns(ordered))


def further_columns(rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
    """Return a table's columns beside the known ones: float64 where all cells are finite numbers, else text ("": none).

    >>> rows = [Row("a", extra={"cost": "1.5", "place": "x"}), Row("b", extra={"cost": "2", "place": None})]
    >>> {name: column.tolist() for name, column in further_columns(rows).items()}
    {'cost': [1.5, 2.0], 'place': ['x', '']}
    """
    names = dict.fromkeys(name for row in rows for name in (row.extra or {}))
    return {name: _column([(row.extra or {}).get(name) for row in rows]) for name in names}


def _column(cells: Sequence[Any]) -> NDArray[Any]:
    try:
        numbers = np.array([float(cell) for cell in cells], dtype=np.float64)
        if np.isfinite(numbers).all():
            return numbers
    except (TypeError, ValueError):
        pass
    return np.array(["" if cell is None else str(cell).strip() for cell in cells], dtype=np.str_)


def check_paths(ordered: Sequence[Row]) -> None:
    """Refuse paths that are not UTF-8, hold control characters, or follow each other twice in sorted rows."""
    odd = [row for row in ordered if not _is_writable(row.path)]
    if odd:
        names = listed(f"{row.path!r}{_at(row)}" for row in odd)
        raise DataError(f"file names must be UTF-8 without line breaks: {names}; rename these {len(odd)} files.")
    twice = [(a, b) for a, b in itertools.pairwise(ordered) if a.path == b.path]
    if twice:
        names = listed(f"{a.path} ({a.where} and {b.where})" for a, b in twice)
        raise DataError(f"{len(twice)} paths occur more than once: {names}; keep one row for each picture.")


def check_labels(rows: Sequence[Row], classes: Sequence[str]) -> None:
    """Raise UnknownLabel, naming rows, where a label is outside the class list."""
    known = set(classes)
    strange = [(name, row) for row in rows for name in _names(row.label) if name not in known]
    if strange:
        names = listed(f"{name!r} ({row.where or row.path})" for name, row in strange)
        raise UnknownLabel(
            f"{len(strange)} labels are outside the class list ({listed(classes, 20)}): {names}; "
            "correct them or extend data.classes."
        )


def hidden(manifest: Manifest) -> Manifest:
    """Return the same without the labels of the pool, as a simulation starts."""
    labels: Labels = manifest.labels.copy()
    labels[manifest.splits == Split.POOL.value] = -1
    truth = hashlib.sha256(np.ascontiguousarray(manifest.labels).astype("<i8").tobytes()).hexdigest()
    return dataclasses.replace(manifest, labels=labels, truth=truth)


def digest_pixels(images: NDArray[np.uint8]) -> str:
    """Return the SHA-256 over shape and pixels."""
    state = hashlib.sha256(str(images.shape).encode())
    state.update(np.ascontiguousarray(images).data)
    return state.hexdigest()


def digest_sizes(paths: Sequence[str], sizes: Sequence[int]) -> str:
    """Return the SHA-256 over names and sizes in bytes (-1: missing): content is not read, so large sets start fast."""
    text = "".join(f"{path}\t{size}\n" for path, size in zip(paths, sizes, strict=True))
    return hashlib.sha256(text.encode()).hexdigest()


def _names(label: Label) -> tuple[str, ...]:
    if label is None:
        return ()
    return (label,) if isinstance(label, str) else label


def _is_writable(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return not any(ord(character) < 32 for character in path)


def _at(row: Row) -> str:
    return f" ({row.where})" if row.where else ""

"""Pictures in folders: one folder for each class, unlabelled ones beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from poolwise.core.errors import ConfigError, DataError, UnknownLabel, listed
from poolwise.core.types import Split, Task
from poolwise.data.catalogue import Row, class_list, tidy
from poolwise.data.decoding import extensions
from poolwise.data.picture_files import Listing, PictureFiles

SPLITS = {
    "train": Split.POOL,
    "pool": Split.POOL,
    "val": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "validation": Split.VALIDATION,
    "test": Split.TEST,
}
UNLABELLED = frozenset({"unlabelled", "unlabeled"})


@dataclass(frozen=True, kw_only=True)
class ImageFolder(PictureFiles):
    """root/<class>/any/depth/picture.jpg; options as in `PictureFiles`.

    Pictures directly in `root`, or in a folder called `unlabelled`, are unlabelled. Folders `train` or `pool`,
    `validation` (`val`, `valid`) and `test` at the top hold such a tree each. Empty class folders name classes too.
    """

    root: str = ""

    def _list(self) -> Listing:
        if not self.root:
            raise ConfigError("data.root is not set; say where the pictures are, e.g. data.root=photos.")
        root = Path(self.root).expanduser()
        if not root.is_dir():
            raise DataError(f"there is no folder {root.absolute()}; set data.root to the folder of the pictures.")
        fixed = None if self.classes is None else frozenset(tidy(name) for name in self.classes)
        rows, folders = scan(root, fixed)
        if not rows:
            raise DataError(f"{root.absolute()} holds no pictures with a known ending ({_endings()}).")
        classes = class_list(self.classes, folders, Task.MULTICLASS)
        return Listing(root.absolute().name, root, rows, classes, Task.MULTICLASS)


def scan(root: Path, fixed: frozenset[str] | None = None) -> tuple[list[Row], set[str]]:
    """Return all pictures below `root`, and the names of all class folders.

    Args:
        root: the folder.
        fixed: the class list if it is given; a folder of this name is a class even if it is called `train` or `test`.

    Raises:
        DataError: a folder could be a class as well as a split.
        UnknownLabel: a class folder that holds pictures is outside `fixed`.
    """
    tops = _folders(root)
    parts = {name: SPLITS[name.lower()] for name in tops if name.lower() in SPLITS and name not in (fixed or ())}
    rows = [Row(name) for name in _pictures(root)]
    folders: set[str] = set()
    trees: list[tuple[Path, Split | None]] = [(root / name, split) for name, split in parts.items()]
    for tree, split in trees:
        rows.extend(Row(f"{tree.name}/{name}", split=split) for name in _pictures(tree))
    for tree, split in [(root, None), *trees]:
        for name in _folders(tree):
            if tree == root and name in parts:
                continue
            label = None if name.lower() in UNLABELLED else tidy(name)
            found = [Row(_posix(path, root), label, split) for path in _walk(tree / name)]
            if label is not None and fixed is not None and label not in fixed:
                _refuse(tree / name, found, fixed)
                continue
            rows.extend(found)
            folders.update([] if label is None else [label])
    _check_parts(root, parts, [name for name in tops if name not in parts and name.lower() not in UNLABELLED])
    return rows, folders


def _refuse(folder: Path, found: list[Row], fixed: frozenset[str]) -> None:
    """Raise for pictures in a folder outside the class list: they would be lost; an empty one does no harm."""
    if found:
        raise UnknownLabel(
            f"folder {folder} with {len(found)} pictures is outside the class list ({listed(sorted(fixed), 20)}); "
            "add it to data.classes, or rename it to `unlabelled`."
        )


def _check_parts(root: Path, parts: dict[str, Split], others: list[str]) -> None:
    """Raise where `train` stands beside `car` and `bus`: it may be a class, so ask rather than guess."""
    unclear = [name for name in parts if others and not _folders(root / name) and _pictures(root / name)]
    if unclear:
        raise DataError(
            f"folder {root / unclear[0]} holds pictures beside the class folders {listed(others)}: is it a class or a "
            f"split? For a class, set data.classes=[{','.join([*others, *unclear])}]; for a split of unlabelled "
            f"pictures, move them to {unclear[0]}/unlabelled."
        )


def _folders(folder: Path) -> list[str]:
    """Return names of sub-folders; hidden ones and those of operating systems (`__MACOSX`) are no classes."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith((".", "__")))


def _pictures(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_file() and _is_picture(entry.name))


def _walk(folder: Path) -> Iterator[str]:
    """Yield the paths of all pictures below; links to folders are followed, each folder once."""
    seen: set[str] = set()
    for place, inner, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        inner[:] = sorted(name for name in inner if not name.startswith((".", "__")))
        yield from (os.path.join(place, name) for name in files if _is_picture(name))


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in extensions()


def _posix(path: str, root: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _endings() -> str:
    return listed(sorted(extensions() & {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp"}), 20)

"""Arrays and files beside the ledger, named by the hash of their content. Written once, never changed."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import LedgerError
from poolwise.core.files import sync

REFERENCE = re.compile(r"[0-9a-f]{64}(\.[A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Blobs:
    """A folder of blobs. A reference is "<sha256><suffix>".

    Attributes:
        folder: where they lie.
        check: called before anything is written or removed; raises where the folder's ledger is another by now.
    """

    folder: Path
    check: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)

    def put(self, write: Callable[[Path], None], suffix: str) -> str:
        """Have `write` fill a temporary file, then move it to its name; returns the reference."""
        self.check()
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix="partial-", suffix=suffix)
        os.close(handle)
        partial = Path(name)
        try:
            write(partial)
            reference = f"{_sha256(partial)}{suffix}"
            sync(partial)
            partial.replace(self.folder / reference)
            sync(self.folder)
        finally:
            partial.unlink(missing_ok=True)
        return reference

    def put_array(self, array: NDArray[Any]) -> str:
        """Store an array as .npy."""

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.save(file, array, allow_pickle=False)

        return self.put(write, ".npy")

    def path(self, reference: str) -> Path:
        """Return the file of a reference, its content checked against its name.

        Raises:
            LedgerError: no reference, missing or damaged.
        """
        file = self._file(reference)
        if not file.is_file():
            raise LedgerError(
                f"{file} is missing; the run cannot go on without it. Restore it from a copy of the run folder."
            )
        if _sha256(file) != reference.split(".")[0]:
            raise LedgerError(f"{file} is damaged: its content does not match its name. Restore it from a copy.")
        return file

    def array(self, reference: str) -> NDArray[Any]:
        """Read an array back."""
        array: NDArray[Any] = np.load(self.path(reference), allow_pickle=False)
        return array

    def drop(self, reference: str) -> None:
        """Remove a blob that no later step reads; no error if it is gone."""
        self.check()
        self._file(reference).unlink(missing_ok=True)

    def _file(self, reference: str) -> Path:
        if not isinstance(reference, str) or not REFERENCE.fullmatch(reference):  # it would name a file elsewhere
            raise LedgerError(
                f"the ledger names {reference!r} as a file of {self.folder}, which cannot be: it is damaged, or was not "
                "written by poolwise."
            )
        return self.folder / reference


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()

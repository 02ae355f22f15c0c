"""Whole files or none: what every edge that writes a file uses. Below the edges, above the pure rooms."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from poolwise.core.errors import LedgerMoved, RunBusy

TRIES = 5
"""Times that a file which is replaced just while it is opened is opened again."""


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text as it is (no newline translation); see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old or the new content, never half of it, even after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}-{secrets.token_hex(6)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have the disk hold a file or folder before going on."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder for this
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def busy(folder: Path, run: str) -> RunBusy:
    """Return the error for a run that another process works on."""
    return RunBusy(f"another process works on run {run!r} ({folder}); wait for it, or end it, then try again.")


@dataclass(frozen=True)
class OpenedFile:
    """A file that this process has open, by the device and inode that its path led to when it was opened.

    A process goes on with an open file after it was removed, moved or replaced; nobody else sees what it writes then.
    While it is open, its inode is given to no other file.
    """

    path: str
    device: int
    inode: int

    @classmethod
    def at(cls, path: str) -> OpenedFile:
        """Return the file that lies there; raise OSError where none does."""
        status = os.stat(path)
        return cls(path, status.st_dev, status.st_ino)

    def check(self) -> None:
        """Do nothing if the path still leads to this file; some microseconds.

        Raises:
            LedgerMoved: it leads to another, or to none.
        """
        try:
            status = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            now = "nothing lies there now"
        except OSError as error:
            now = f"it cannot be looked at: {error.strerror}"
        else:
            if (status.st_dev, status.st_ino) == (self.device, self.inode):
                return
            now = "another file lies there now"
        raise LedgerMoved(
            f"{self.path} was removed, moved or replaced after this process had opened it ({now}); nothing is recorded "
            "any more. Put it back where it was, or give the command again to work with what lies there now."
        )


@dataclass
class OpenedFiles:
    """All files that must stay at their paths for what is written to count; changed by several threads."""

    _files: tuple[OpenedFile, ...] = ()
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def check(self) -> None:
        """Raise as `OpenedFile.check` does."""
        for file in self._files:
            file.check()

    def add(self, file: OpenedFile) -> None:
        """Have a file looked at from now on."""
        with self._lock:
            self._files = (*self._files, file)

    @contextmanager
    def during(self, file: OpenedFile) -> Iterator[None]:
        """Have a file looked at for as long as the block lasts."""
        self.add(file)
        try:
            yield
        finally:
            with self._lock:
                left = list(self._files)
                left.remove(file)
                self._files = tuple(left)


@contextmanager
def held(folder: Path, run: str) -> Iterator[OpenedFile]:
    """Hold the folder of a run; the lock falls with the process, however it ends.

    Yields the lock's file: once that is removed, moved or replaced, others can hold the folder too, so what depends on
    the lock is to `check` it.

    Raises:
        RunBusy: another process holds it.
    """
    lock, file = _locked(folder, run)
    try:
        yield file
    finally:
        lock.release()


def _locked(folder: Path, run: str) -> tuple[FileLock, OpenedFile]:
    """Return the lock and its file, which was at its path before and after the lock was taken."""
    path = os.path.abspath(folder / ".lock")
    for _ in range(TRIES):
        folder.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
        file, lock = OpenedFile.at(path), FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            break
        try:
            file.check()
            return lock, file
        except LedgerMoved:
            lock.release()
    raise busy(folder, run)

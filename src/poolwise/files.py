"""Whole files or none: what every edge that writes a file uses. Below the edges, above the pure rooms."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from poolwise.errors import RunBusy


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
    """What is told when another process works on a run."""
    return RunBusy(f"another process works on run {run!r} ({folder}); wait for it, or end it, then try again.")


@contextmanager
def held(folder: Path, run: str) -> Iterator[None]:
    """Hold the folder of a run; the lock falls with the process, however it ends.

    Raises:
        RunBusy: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise busy(folder, run) from None
    try:
        yield
    finally:
        lock.release()

"""SQLite's files: every connection is to the file that the ledger was opened with, or there is none.

SQLite goes on in a file that was removed, moved or replaced, and a pool's next connection would open, or make, another one
at the path: what is written then is kept where nobody reads it, or in the ledger of another run. (howtocorrupt.html of
SQLite's documentation, section 1.4, asks programs to look after this themselves.)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import url2pathname

import sqlalchemy as sql

from poolwise.core.errors import LedgerMoved
from poolwise.core.files import TRIES, OpenedFile, OpenedFiles

BESIDE = ("-wal", "-shm")
"""Of the write-ahead log: what was committed lately is in the first, where to find it in the second."""


@dataclass(frozen=True)
class Place:
    """Where a database lies.

    Attributes:
        path: of its file; absolute, links not followed: it means what the next process takes it for.
        uri: as SQLite takes it; a connection by it makes no file.
        makes: whether the file is made where it is missing.
    """

    path: str
    uri: str
    makes: bool


def place_of(engine: sql.Engine) -> Place | None:
    """Where an engine's database lies; None in memory, and for other databases than SQLite."""
    if engine.dialect.name != "sqlite":
        return None
    arguments, options = engine.dialect.create_connect_args(engine.url)
    name, query = str(arguments[0]), {}
    if options.get("uri"):
        parts = urlsplit(name)
        name, query = url2pathname(parts.path), dict(parse_qsl(parts.query))
    if name in ("", ":memory:") or query.get("mode") == "memory":
        return None
    path, mode = os.path.abspath(name), query.get("mode", "rwc")
    known = {**query, "mode": "rw" if mode == "rwc" else mode}
    return Place(path, f"{Path(path).as_uri()}?{urlencode(known)}", mode == "rwc")


def watch(engine: sql.Engine, place: Place, settings: Sequence[str], *, make: bool) -> tuple[OpenedFiles, Any]:
    """Have every connection of an engine be to one file, made if it is missing and `make` is set.

    Args:
        engine: that has made no connection yet.
        place: of its database.
        settings: pragmas of each connection.
        make: whether a missing file is made.

    Returns:
        The files to look at around each transaction, and a connection that is to stay open for as long as they are: it
        keeps their inodes from being given to other files, and SQLite from removing the log.

    Raises:
        LedgerMoved: the file was replaced again and again while it was opened.
        FileNotFoundError: it is missing, and is not to be made.
    """
    database = _Database(place, settings)
    sql.event.listen(engine, "do_connect", database.connect)
    for left in reversed(range(TRIES)):
        try:
            return database.open(engine, make and place.makes)
        except LedgerMoved:
            engine.dispose()
            if not left:
                raise
    raise AssertionError("unreachable")


class _Database:
    def __init__(self, place: Place, settings: Sequence[str]) -> None:
        self.place, self.settings = place, settings
        self.files = OpenedFiles()

    def open(self, engine: sql.Engine, make: bool) -> tuple[OpenedFiles, Any]:
        """Take the file as it lies there, and open it."""
        if make:
            Path(self.place.path).parent.mkdir(parents=True, exist_ok=True)
            # A file that is there is not opened: to close it would end the locks that SQLite holds in this process.
            with suppress(FileExistsError):
                os.close(os.open(os.path.realpath(self.place.path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        self.files = OpenedFiles((OpenedFile.at(self.place.path),))
        pin = engine.raw_connection()
        # The first look into the database opens the log; SQLite keeps it until the last connection is closed.
        pin.cursor().execute("SELECT count(*) FROM sqlite_master").fetchall()
        pin.rollback()
        for ending in BESIDE:
            with suppress(FileNotFoundError):  # there is none, e.g. on a network drive, where SQLite keeps no such log
                self.files.add(OpenedFile.at(self.place.path + ending))
        self.files.check()
        return self.files, pin

    def connect(self, dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        """Return a connection to the file that was opened."""
        connection = dialect.connect(self.place.uri, *arguments[1:], **{**options, "uri": True})
        try:
            self.files.check()
            for pragma in self.settings:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

"""Open MLflow's SQLite file with all of its tables or none.

MLflow makes and migrates its tables in many small transactions. A process that ends midway leaves a file that no MLflow can
go on with ("table datasets already exists"). So the tables are made, or migrated, in a file aside, and SQLite's backup puts
them into the file itself in one transaction: whatever ends the process, the file holds what it held before, or all.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from poolwise.report.tracking.quiet import replaced
from poolwise.report.tracking.reasons import Untold, reason

LOG = logging.getLogger("poolwise")
SQLITE = "sqlite:///"
LOCKED_S = 20.0
"""Seconds to wait for another program's transaction."""
REST_S = 10.0
"""Seconds without a write after which nobody is making a file any more: MLflow writes several times a second."""
WAIT_S = 60.0
"""Seconds to wait for another program that is making the file."""
PARTIAL = "_alembic_tmp_"
"""What alembic calls a table while it copies one into another form."""


class _OtherTables(Untold):
    """MLflow would make or migrate the tables of a file in place."""


@functools.lru_cache(maxsize=16)
def database_of(store: str) -> Path | None:
    """Return the file of a store, or None where it is not one file.

    >>> database_of("sqlite:///runs/mlflow.db?timeout=5").as_posix(), database_of("http://host"), database_of("sqlite://")
    ('runs/mlflow.db', None, None)
    """
    if not store.startswith("sqlite:"):
        return None
    from sqlalchemy.engine import make_url

    name = make_url(store).database
    return None if not name or name == ":memory:" or name.startswith("file:") else Path(name)


def opened(store: str, database: Path) -> Any:
    """Return an `MlflowClient`, with the tables made, mended or migrated first where need be; one caller at a time.

    Args:
        store: the address as MLflow takes it.
        database: its file; another program may have it open, or be making it.

    Raises:
        Untold: it holds runs, and MLflow cannot use it.
        Exception: what MLflow or SQLite say of a file, a disk or a setting.
    """
    if (left := _aside(database)).is_dir():
        shutil.rmtree(left, ignore_errors=True)  # by a process that was killed
    missing = not database.exists()
    if missing:
        _make(database)
    try:
        client = _client(store, database)
    except Exception as error:  # MLflow, alembic, SQLAlchemy: whatever they say of tables that are not all there
        _mend(database, error)
        client = _client(store, database)
    if missing:
        _let_go(client)  # MLflow may still hold the file that was deleted
    return client


def _client(store: str, database: Path) -> Any:
    import mlflow.store.db.utils as tables
    from mlflow import MlflowClient

    make = getattr(tables, "_initialize_tables", None)

    def make_others(engine: Any) -> None:
        if Path(engine.url.database or "") == database and not _at_head(database, tables):
            engine.dispose()
            raise _OtherTables(f"{database.name} holds other tables than this MLflow makes, and is left as it is")
        if make is not None:
            make(engine)

    with replaced(tables, "_initialize_tables", make_others):
        return MlflowClient(tracking_uri=store)


def _at_head(database: Path, tables: Any) -> bool:
    """Whether all migrations were done, whatever MLflow thinks: 3.1 asks for its tables at each opening, as it counts wrongly."""
    newest = getattr(tables, "_get_latest_schema_revision", None)
    with closing(_connected(database)) as look:
        return newest is not None and _revision(look) == newest()


def _mend(database: Path, error: Exception) -> None:
    try:
        with closing(_connected(database)) as look:
            tables, holds_rows = _tables(look), _holds_rows(look)
    except sqlite3.Error:
        raise error from None  # no database, or one that cannot be read: MLflow has said so
    if not holds_rows:
        if tables:
            _await_rest(database)
        _make(database)
    elif isinstance(error, _OtherTables):
        _migrate(database)
    else:
        raise error


def _make(database: Path) -> None:
    """Put all tables into a file that is missing, empty or half made; leave any other as it is."""
    with _file_aside(database) as new:
        _make_tables(new)
        with closing(_connected(database)) as held:
            _seize(held)
            if _half_made(held, new):
                with _kept_beside(held, database):
                    _put_in(new, held)


def _migrate(database: Path) -> None:
    """Give a file with rows the tables of this MLflow; leave it as it is if that fails or another program writes to it."""
    with _file_aside(database) as new, closing(_connected(database)) as held:
        before = _version(held)
        with closing(_connected(new)) as copy:
            held.backup(copy)
        try:
            _make_tables(new)
        except Exception as error:
            raise Untold(_not_migrated(database, held, error)) from error
        _seize(held)
        if _version(held) != before:
            raise Untold(f"another program wrote to {database.name} while its tables were migrated")
        _put_in(new, held)
    LOG.info("%s has got the tables of this MLflow.", database)


def _make_tables(file: Path) -> None:
    """Have MLflow make or migrate the tables of a file that nobody else knows."""
    from mlflow import MlflowClient

    with _unsynced(file):
        _let_go(MlflowClient(tracking_uri=f"{SQLITE}{file.as_posix()}"))


@contextlib.contextmanager
def _unsynced(file: Path) -> Iterator[None]:
    """Spare the disk a hundred syncs: a file that is not whole after a power cut is thrown away."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def connected(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            named = connection.execute("pragma database_list").fetchone()[2]
            if named and Path(named) == file:
                connection.execute("pragma synchronous = off")

    event.listen(Engine, "connect", connected)
    try:
        yield
    finally:
        event.remove(Engine, "connect", connected)


def _let_go(client: Any) -> None:
    """Close MLflow's connections; it opens others when it needs them."""
    engine = getattr(getattr(getattr(client, "_tracking_client", None), "store", None), "engine", None)
    if engine is not None:
        engine.dispose()


def _aside(database: Path) -> Path:
    return database.with_name(f".{database.name}.making")


@contextlib.contextmanager
def _file_aside(database: Path) -> Iterator[Path]:
    """Name a file on the same disk that goes again, with what SQLite puts beside it."""
    folder = _aside(database).resolve()
    folder.mkdir(exist_ok=True)
    try:
        yield folder / f"{secrets.token_hex(6)}.db"  # another name each time: MLflow remembers the files it knows
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _connected(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=LOCKED_S, isolation_level=None)


def _seize(held: sqlite3.Connection) -> None:
    """Keep all others out until the connection is closed."""
    held.execute("pragma locking_mode = exclusive")  # what a transaction locks stays locked after it
    held.execute("begin exclusive")
    held.execute("commit")


def _put_in(new: Path, held: sqlite3.Connection) -> None:
    """Replace all content, in one transaction: a process that ends midway leaves a journal, and SQLite takes it back."""
    with closing(_connected(new)) as source:
        source.backup(held)


@contextlib.contextmanager
def _kept_beside(held: sqlite3.Connection, database: Path) -> Iterator[None]:
    """Keep a half-made file under a telling name, though it holds nothing, if the block replaces it."""
    if not _tables(held):
        yield
        return
    names = (f"{database.name}.half-made{number or ''}" for number in range(1000))
    beside = next(place for place in map(database.with_name, names) if not place.exists())
    try:
        with closing(_connected(beside)) as copy:
            held.backup(copy)
        yield
    except BaseException:
        beside.unlink(missing_ok=True)  # else each further try would leave one
        raise
    LOG.warning("%s was half made and held no runs. It is made anew; the old one is kept as %s.", database, beside.name)


def _half_made(held: sqlite3.Connection, new: Path) -> bool:
    """Whether a file holds no row, no table of another program, and not all that a new one has."""
    with closing(_connected(new)) as other:
        whole, revision = _tables(other), _revision(other)
    tables = _tables(held)
    known = all(name.removeprefix(PARTIAL) in whole for name in tables)
    return known and not _holds_rows(held) and not (whole <= tables and _revision(held) == revision)


def _holds_rows(connection: sqlite3.Connection) -> bool:
    """Whether there is anything that is not there as soon as the tables are made."""
    if "workspaces" in (tables := _tables(connection)):
        tables -= {"workspaces"}
        if connection.execute("select 1 from workspaces where name <> 'default'").fetchone():
            return True
    return any(connection.execute(f'select 1 from "{name}"').fetchone() for name in tables - {"alembic_version"})


def _tables(connection: sqlite3.Connection) -> set[str]:
    found = connection.execute(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite!_%' escape '!'"
    )
    return {name for (name,) in found}


def _revision(connection: sqlite3.Connection) -> str:
    """Return the migration that was done last."""
    if "alembic_version" not in _tables(connection):
        return ""
    return " ".join(sorted(name for (name,) in connection.execute("select version_num from alembic_version")))


def _version(connection: sqlite3.Connection) -> int:
    """Return a number that changes when another connection writes."""
    return int(connection.execute("pragma data_version").fetchone()[0])


def _await_rest(database: Path) -> None:
    """Wait while another program is making the file. Raises Untold if it takes too long."""
    journal = database.with_name(f"{database.name}-journal")
    until, since, seen = time.monotonic() + WAIT_S, time.monotonic(), _written(database, journal)
    while time.time() - max(seen) / 1e9 < REST_S and time.monotonic() - since < REST_S:
        if time.monotonic() > until:
            raise Untold(f"another program is making {database.name}")
        time.sleep(0.2)
        if (now := _written(database, journal)) != seen:
            seen, since = now, time.monotonic()


def _written(*files: Path) -> list[int]:
    return [file.stat().st_mtime_ns if file.exists() else 0 for file in files]


def _not_migrated(database: Path, held: sqlite3.Connection, error: Exception) -> str:
    from mlflow import __version__

    return (
        f"MLflow {__version__} cannot migrate {database.name} from revision {_revision(held) or 'none'}: an earlier migration "
        "was cut off, or a newer MLflow made the file. It holds runs and is left as it is: put a copy from before back, or move "
        f"it away, and poolwise sends its own runs anew. {reason(error)}"
    )

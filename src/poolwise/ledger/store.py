"""The ledger in SQL: two append-only tables, SQLite with a write-ahead log by default, PostgreSQL by another URL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from poolwise.core.errors import LedgerError, RunBusy
from poolwise.core.files import OpenedFiles, busy, held
from poolwise.core.types import Annotation, Label
from poolwise.ledger.events import Event, NewEvent, body_of, fact_from
from poolwise.ledger.sqlite_file import place_of, watch
from poolwise.ledger.state import RunState, fold, reading

TABLES = sql.MetaData()

EVENTS = sql.Table(
    "poolwise_events",
    TABLES,
    sql.Column("run", sql.String(200), primary_key=True),
    sql.Column("seq", sql.Integer, primary_key=True),
    sql.Column("kind", sql.String(40), nullable=False),
    sql.Column("round", sql.Integer, nullable=False),
    sql.Column("body", sql.JSON, nullable=False),
    sql.Column("at", sql.String(40), nullable=False),
    sql.Column("version", sql.Integer, nullable=False),
)

ANNOTATIONS = sql.Table(
    "poolwise_annotations",
    TABLES,
    sql.Column("id", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("run", sql.String(200), nullable=False, index=True),
    sql.Column("seq", sql.Integer, nullable=False),
    sql.Column("sample_id", sql.BigInteger, nullable=False),
    sql.Column("label", sql.JSON(none_as_null=True)),
    sql.Column("annotator", sql.String(200), nullable=False),
    sql.Column("round", sql.Integer, nullable=False),
    sql.Column("source", sql.String(40), nullable=False),
    sql.Column("at", sql.String(40), nullable=False),
)


def _ddl(text: str) -> sql.DDL:
    return sql.DDL(text)  # type: ignore[no-untyped-call]


def append_only(table: sql.Table) -> None:
    """Have the database itself refuse to change or remove a fact."""
    for action in ("UPDATE", "DELETE"):
        name = f"{table.name}_no_{action.lower()}"
        lite = _ddl(
            f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {action} ON {table.name} "
            f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
        )
        sql.event.listen(table, "after_create", lite.execute_if(dialect="sqlite"))
        postgres = _ddl(
            f"CREATE OR REPLACE FUNCTION poolwise_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME; END $$; "
            f"CREATE TRIGGER {name} BEFORE {action} ON {table.name} "
            f"FOR EACH ROW EXECUTE FUNCTION poolwise_append_only()"
        )
        sql.event.listen(table, "after_create", postgres.execute_if(dialect="postgresql"))


for _table in (EVENTS, ANNOTATIONS):
    append_only(_table)


def now() -> str:
    """UTC in ISO 8601, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Ledger:
    """A database of runs.

    Attributes:
        url: an SQLAlchemy URL, e.g. "sqlite:///runs/x/ledger.db" or "postgresql+psycopg://host/db"; user names and
            passwords are best left to the driver's own environment variables (PGUSER, PGPASSWORD).
    """

    url: str

    def open(self, *, make: bool = True) -> OpenLedger:
        """Connect, and create the tables where they are missing; with `make`, also SQLite's file and its folder.

        Raises:
            LedgerError: the database cannot be reached or written, or is missing and not to be made.
        """
        url = sql.make_url(self.url)
        try:
            engine = sql.create_engine(url)
            place, files, pin = place_of(engine), OpenedFiles(), None
            if place is not None:
                files, pin = watch(engine, place, SETTINGS, make=make)
            TABLES.create_all(engine)
        except (SQLAlchemyError, ImportError, OSError) as error:
            if isinstance(error, FileNotFoundError) and not make:
                raise LedgerError(
                    f"the ledger {error.filename} is missing; put it back from a copy, or delete the rest of its run "
                    "and begin anew."
                ) from error
            shown = url.render_as_string(hide_password=True)
            raise LedgerError(f"the ledger at {shown} cannot be opened: {first_line(error)}.") from error
        return OpenLedger(engine, files, pin)


SETTINGS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000")
"""A commit is on the disk before the next step begins (FULL); readers never wait (WAL); writers wait up to 30 s."""


def first_line(error: BaseException) -> str:
    """Return what the database said, in a line."""
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__


@dataclass(frozen=True)
class OpenLedger:
    """A connected ledger.

    Attributes:
        engine: its connections; what is written through it alone is not looked after, see `transaction`.
        files: of SQLite, and of the locks that are held; see `files.OpenedFiles`.
    """

    engine: sql.Engine
    files: OpenedFiles = field(default_factory=OpenedFiles)
    _pin: Any = field(default=None, repr=False, compare=False)

    def close(self) -> None:
        """Give the connections back."""
        if self._pin is not None:
            self._pin.close()
        self.engine.dispose()

    def check(self) -> None:
        """Do nothing if the ledger and the locks are still those that were opened; some microseconds.

        Raises:
            LedgerMoved: a file was removed, moved or replaced.
        """
        self.files.check()

    @contextmanager
    def transaction(self) -> Iterator[sql.Connection]:
        """One transaction, in the ledger that whoever opens it now finds: when this ends, what was written is there.

        Raises:
            LedgerMoved: it was removed, moved or replaced before or meanwhile: what was written counts for nothing.
        """
        self.check()
        try:
            with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError:
            self.check()  # of both troubles the one that explains the other
            raise
        self.check()

    def runs(self) -> list[str]:
        """Names of all runs, sorted."""
        query = sql.select(EVENTS.c.run).distinct().order_by(EVENTS.c.run)
        with self._reading() as connection:
            return [str(row.run) for row in connection.execute(query)]

    def events(self, run: str) -> list[Event]:
        """Return all events of a run, in order, without the annotations that they brought."""
        query = sql.select(EVENTS).where(EVENTS.c.run == run).order_by(EVENTS.c.seq)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return [Event(row.round, fact_from(row.kind, row.version, row.body), seq=row.seq, at=row.at) for row in rows]

    def annotations(self, run: str) -> list[Annotation]:
        """All annotations of a run, oldest first; corrections are later rows."""
        query = sql.select(ANNOTATIONS).where(ANNOTATIONS.c.run == run).order_by(ANNOTATIONS.c.id)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return [
            Annotation(row.sample_id, label_from_json(row.label), row.annotator, row.round, row.source, row.at)
            for row in rows
        ]

    def length(self, run: str) -> int:
        """How many events a run has: whether anything happened since, without reading it all."""
        with self._reading() as connection:
            return int(connection.scalar(sql.select(sql.func.count()).where(EVENTS.c.run == run)) or 0)

    def state(self, run: str) -> RunState:
        """Where a run stands. Raises LedgerError: it cannot be read, or holds what poolwise does not write."""
        with reading(run):
            return fold(self.events(run), self.annotations(run))

    def append(self, run: str, seq: int, new: NewEvent) -> Event:
        """Write one event, and the annotations it brought, in one transaction.

        Raises:
            RunBusy: another process has written event `seq` of this run.
            LedgerMoved: another ledger, or none, lies there now; nothing was written to it.
            LedgerError: the database refuses (disk full, connection lost, ...); nothing was written.
        """
        kind, body, at = type(new.fact).__name__, body_of(new.fact), now()
        fact = fact_from(kind, new.fact.version, body)  # what a reader will find, no more
        rows = [
            {
                "run": run, "seq": seq, "sample_id": row.sample_id, "label": label_to_json(row.label),
                "annotator": row.annotator, "round": row.round, "source": row.source, "at": row.at or at,
            }
            for row in new.annotations
        ]  # fmt: skip
        event = {
            "run": run,
            "seq": seq,
            "kind": kind,
            "round": new.round,
            "body": body,
            "at": at,
            "version": fact.version,
        }
        try:
            with self.transaction() as connection:
                connection.execute(EVENTS.insert(), event)
                if rows:
                    connection.execute(ANNOTATIONS.insert(), rows)
        except IntegrityError as error:
            raise RunBusy(f"event {seq} of run {run!r} is already there: another process works on it.") from error
        except SQLAlchemyError as error:
            raise LedgerError(
                f"the ledger cannot be written: {first_line(error)}; nothing is lost: "
                "mend that (free disk space, database up) and run the same command again."
            ) from error
        return Event(new.round, fact, new.annotations, seq=seq, at=at)

    @contextmanager
    def _reading(self) -> Iterator[sql.Connection]:
        try:
            with self.transaction() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise LedgerError(f"the ledger cannot be read: {first_line(error)}.") from error

    @contextmanager
    def lock(self, run: str, folder: Path) -> Iterator[None]:
        """Hold a run; the lock falls with the process, however it ends.

        With its file the hold is lost: nothing is read or written from then on.

        Raises:
            RunBusy: another process holds it.
            LedgerMoved: another ledger, or none, lies there now.
        """
        self.check()  # a folder that was removed is not made anew, and nobody else's is held
        with held(folder, run) as file, self._advisory_lock(run, lambda: busy(folder, run)):
            if self.engine.dialect.name == "postgresql":  # there the server's lock holds the run
                yield
                return
            with self.files.during(file):
                self.check()
                yield

    @contextmanager
    def _advisory_lock(self, run: str, busy: Callable[[], RunBusy]) -> Iterator[None]:
        """Between machines that share a PostgreSQL ledger; nothing elsewhere."""
        if self.engine.dialect.name != "postgresql":
            yield
            return
        key = int.from_bytes(hashlib.sha256(f"poolwise/{run}".encode()).digest()[:8], "big", signed=True)
        # Autocommit: an open transaction would hold back the server's cleaning, and idle ones may be ended by it.
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.scalar(sql.select(sql.func.pg_try_advisory_lock(key))):
                raise busy()
            try:
                yield
            finally:
                with suppress(SQLAlchemyError):  # a lost connection has let go of its locks
                    connection.scalar(sql.select(sql.func.pg_advisory_unlock(key)))


def label_to_json(label: Label) -> Any:
    """Return a label as it stands in a ledger or a JSON file."""
    return list(label) if isinstance(label, tuple) else label


def label_from_json(value: Any) -> Label:
    """Return a label as it stands in a ledger or a JSON file.

    >>> label_from_json(["a", "b"]), label_from_json("a"), label_from_json(None)
    (('a', 'b'), 'a', None)
    """
    return tuple(value) if isinstance(value, list) else value

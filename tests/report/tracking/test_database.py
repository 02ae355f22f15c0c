"""MLflow's SQLite file: whole or not at all, and nobody's runs are lost for it."""

import contextlib
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock

from poolwise.report.tracking import database
from poolwise.report.tracking import mlflow as tracking
from poolwise.report.tracking.mlflow import MLflowTracker
from poolwise.report.tracking.quiet import silence, silent_migrations

SCRIPT = Path(__file__).parents[3] / "scripts/end_mlflow.py"
THEIRS = "insert into experiments (experiment_id, name, artifact_location, lifecycle_stage) values (7, 'theirs', 'x', 'active')"
OLD = "bda7b8c39065"  # the last migration of MLflow 3.1


def with_statements(heard, work):
    """Call `heard` before each statement of MLflow's."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def each(*_):
        heard()

    event.listen(Engine, "before_cursor_execute", each)
    try:
        with silence(), silent_migrations():
            return work()
    finally:
        event.remove(Engine, "before_cursor_execute", each)


def migrated_to(file, revision):
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{file}")
    Base.metadata.create_all(engine)
    command.upgrade(_get_alembic_config(f"sqlite:///{file}"), revision)
    engine.dispose()


@pytest.fixture(scope="session")
def left_halves(tmp_path_factory):
    """Folders as kill -9 leaves them while MLflow makes its tables in place: the file and its journal."""
    home, kept, count = tmp_path_factory.mktemp("halves"), [], 0

    def keep():
        nonlocal count
        count += 1
        if count % 130 == 1 and (home / "mlflow.db").exists():
            kept.append({file.name: file.read_bytes() for file in home.glob("mlflow.db*")})

    with_statements(keep, lambda: migrated_to(home / "mlflow.db", "heads"))
    return kept


@pytest.fixture
def half(tmp_path, left_halves):
    """Lay a half-made file out that nobody has written to for long."""

    def lay(which=-1, home=tmp_path / "runs"):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for name, content in left_halves[which].items():
            (home / name).write_bytes(content)
        return home / "mlflow.db"

    return lay


@pytest.fixture
def at_rest(monkeypatch):
    monkeypatch.setattr(database, "REST_S", 0)


@pytest.fixture
def quick(monkeypatch, empty_store):
    """New tables are copied: making them takes seconds, and is done for real elsewhere."""
    real = database._make_tables
    monkeypatch.setattr(
        database, "_make_tables", lambda file: real(file) if file.exists() else file.write_bytes(empty_store)
    )


def rows(file, query):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


def change(file, *statements):
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def is_told(tracker, run, look):
    assert tracker.sync(run), tracker.why()
    seen = look(tracker)
    assert len(seen.runs()) == 3
    assert seen.history(seen.parent()) == [(20, 0.5), (30, 0.51)]


@pytest.mark.parametrize("which", [0, 1, 3, 6, 9, -1])
def test_a_half_made_file_is_made_anew_and_kept_beside(which, half, quick, at_rest, make_run, look, caplog):
    file, run = half(which), make_run()
    is_told(MLflowTracker(home=str(file.parent)), run, look)
    beside = file.with_name("mlflow.db.half-made")
    assert beside.exists() == ("mlflow.db.half-made" in caplog.text) == (which != 0)
    assert not beside.exists() or rows(beside, "select 1 from sqlite_master")
    assert {each.name for each in file.parent.iterdir()} <= {
        "mlflow.db", "mlflow.db.half-made", ".mlflow.db.lock", "mlartifacts", run.name,
    }  # fmt: skip


def test_there_are_halves_with_and_without_a_journal(left_halves):
    assert len(left_halves) >= 10
    assert {len(files) for files in left_halves} == {1, 2}


def test_what_holds_a_run_is_never_replaced(half, quick, at_rest, make_run):
    file, run = half(), make_run()
    change(file, THEIRS, "update alembic_version set version_num = '27a6a02d2cf1'")  # its next step has been done
    before, tracker = file.read_bytes(), MLflowTracker(home=str(file.parent))
    assert tracker.sync(run) is False
    assert file.read_bytes() == before
    assert "holds runs and is left as it is" in tracker.why()
    assert "duplicate column name" in tracker.why()
    assert {each.name for each in file.parent.glob("*mlflow.db*")} == {"mlflow.db", ".mlflow.db.lock"}


def test_a_half_made_file_that_got_a_run_is_finished_where_mlflow_can(half, quick, make_run, look):
    file, run = half(), make_run()
    change(file, THEIRS)
    is_told(MLflowTracker(home=str(file.parent)), run, look)
    assert rows(file, "select name from experiments where experiment_id = 7") == [("theirs",)]
    assert not file.with_name("mlflow.db.half-made").exists()


@pytest.mark.parametrize("statement", ["create table theirs (a)", "insert into workspaces values ('mine', '')"])
def test_tables_and_rows_of_others_are_left_as_they_are(statement, tmp_path, quick, at_rest, make_run, empty_store):
    file = tmp_path / "runs/mlflow.db"
    file.parent.mkdir()
    if "workspaces" in statement:
        change(file, "create table workspaces (name, description)")
    change(file, statement)
    before, tracker = file.read_bytes(), MLflowTracker(home=str(file.parent))
    assert tracker.sync(make_run()) is False
    assert file.read_bytes() == before
    assert "left as it is" in tracker.why()


def test_an_empty_file_is_filled_at_once(tmp_path, quick, make_run, look):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/mlflow.db").touch()
    is_told(MLflowTracker(home=str(tmp_path / "runs")), make_run(), look)


def test_another_program_that_makes_the_file_is_waited_for(
    half, quick, monkeypatch, make_run, look, empty_store, tmp_path
):
    file, run = half(3), make_run()
    monkeypatch.setattr(database, "REST_S", 2)
    (tmp_path / "whole.db").write_bytes(empty_store)

    def make():
        for _ in range(4):
            time.sleep(0.5)
            change(file, "create table workspaces (name)", "drop table workspaces")
        with closing(sqlite3.connect(tmp_path / "whole.db")) as whole, closing(sqlite3.connect(file)) as held:
            whole.backup(held)
        change(
            file, "insert into experiments (name, lifecycle_stage, workspace) values ('theirs', 'active', 'default')"
        )

    other = threading.Thread(target=make)
    other.start()
    is_told(MLflowTracker(home=str(file.parent)), run, look)
    other.join()
    assert rows(file, "select name from experiments where name = 'theirs'") == [("theirs",)]
    assert not list(file.parent.glob("*half-made*"))


def test_one_who_makes_it_for_ever_is_named(half, monkeypatch, make_run):
    file, tracker = half(3), None
    monkeypatch.setattr(database, "WAIT_S", 0.3)
    tracker = MLflowTracker(home=str(file.parent))
    assert tracker.sync(make_run()) is False
    assert "another program is making mlflow.db" in tracker.why()


class Paged(sqlite3.Connection):
    """A copy that ends midway."""

    def backup(self, target, **_):
        def page(_, left, total):
            if left < total / 2:
                raise KeyboardInterrupt

        super().backup(target, pages=4, progress=page)


@pytest.mark.parametrize("tables", [False, True])
def test_a_process_that_ends_while_the_tables_are_put_in_changes_nothing(
    tables, half, quick, at_rest, monkeypatch, make_run, look, tmp_path
):
    file, run = half() if tables else tmp_path / "runs/mlflow.db", make_run()
    before = rows(file, "select * from sqlite_master") if tables else []
    with monkeypatch.context() as patch:
        patch.setattr(database, "_put_in", ends_midway)
        with pytest.raises(KeyboardInterrupt):
            MLflowTracker(home=str(file.parent)).sync(run)
    assert rows(file, "select * from sqlite_master") == before
    assert not file.with_name("mlflow.db.half-made").exists()
    is_told(MLflowTracker(home=str(file.parent)), run, look)


@pytest.mark.parametrize("statement", [20, 300])
def test_an_interrupt_while_the_tables_are_made_leaves_nothing(
    statement, tmp_path, monkeypatch, make_run, look, empty_store
):
    tracker, run, count = MLflowTracker(home=str(tmp_path / "runs")), make_run(), 0

    def end():
        nonlocal count
        count += 1
        if count == statement:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_statements(end, lambda: tracker.sync(run))
    assert [file.name for file in (tmp_path / "runs").glob("*mlflow*")] == [".mlflow.db.lock"]
    monkeypatch.setattr(database, "_make_tables", lambda file: file.write_bytes(empty_store))
    is_told(tracker, run, look)


def ends_midway(new, held):
    with closing(sqlite3.connect(new, factory=Paged)) as source:
        source.backup(held)


def test_an_address_that_is_none_is_named(make_run):
    tracker = MLflowTracker(uri="sqlite:mlflow.db")
    assert tracker.sync(make_run()) is False
    assert "sqlite:mlflow.db" in tracker.why()


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, quick, make_run, look):
    tracker, run = MLflowTracker(home=str(tmp_path / "runs")), make_run()
    with full_beyond(200_000):
        assert tracker.sync(run) is False
    assert "too large" in tracker.why().lower()
    assert "tell" not in tracker.why()
    is_told(tracker, run, look)
    assert tracker.why() == ""


def test_a_disk_that_is_full_when_the_tables_are_put_in_is_named(tmp_path, quick, monkeypatch, make_run, look):
    tracker, run, real = MLflowTracker(home=str(tmp_path / "runs")), make_run(), database._put_in

    def put_in(new, held):
        with full_beyond(200_000):
            real(new, held)

    monkeypatch.setattr(database, "_put_in", put_in)
    assert [tracker.sync(run), tracker.sync(run)] == [False, False]
    assert "disk" in tracker.why()
    monkeypatch.setattr(database, "_put_in", real)
    is_told(tracker, run, look)
    assert not list((tmp_path / "runs").glob("*half-made*"))


@contextlib.contextmanager
def full_beyond(size):
    """No file of this process may grow beyond some bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_a_killed_process_left_aside_goes(tracker, make_run):
    left = Path(tracker.home) / ".mlflow.db.making"
    left.mkdir()
    (left / "0123.db").write_bytes(b"half")
    assert tracker.sync(make_run())
    assert not left.exists()


def test_a_file_that_is_deleted_under_a_running_process_is_made_again(tracker, quick, make_run, look):
    is_told(tracker, make_run(), look)
    (Path(tracker.home) / "mlflow.db").unlink()
    is_told(tracker, make_run(), look)
    assert rows(Path(tracker.home) / "mlflow.db", "select count(*) from runs") == [(3,)]


def test_a_process_that_holds_the_lock_is_named(tracker, monkeypatch, make_run):
    monkeypatch.setattr(tracking, "LOCK_S", 0.2)
    with FileLock(Path(tracker.home) / ".mlflow.db.lock"):
        assert tracker.sync(make_run()) is False
    assert "another process has kept" in tracker.why()
    assert ".mlflow.db.lock" in tracker.why()
    assert tracker.sync(make_run())


@pytest.fixture(scope="session")
def old_store(tmp_path_factory):
    """The bytes of a file of MLflow 3.1 with somebody's experiment."""
    file = tmp_path_factory.mktemp("old") / "mlflow.db"
    with silence(), silent_migrations():
        migrated_to(file, OLD)
    change(file, THEIRS)
    return file.read_bytes()


@pytest.fixture
def old_file(tmp_path, old_store):
    file = tmp_path / "runs/mlflow.db"
    file.parent.mkdir()
    file.write_bytes(old_store)
    return file


def test_an_older_file_is_migrated_whole_or_not_at_all(old_file, make_run, look, monkeypatch, old_store):
    tracker, run, count = MLflowTracker(home=str(old_file.parent)), make_run(), 0

    def end():
        nonlocal count
        count += 1
        if count == 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_statements(end, lambda: tracker.sync(run))
    assert old_file.read_bytes() == old_store
    is_told(tracker, run, look)
    assert rows(old_file, "select experiment_id from experiments where name = 'theirs'") == [(7,)]
    assert {each.name for each in old_file.parent.glob("*mlflow.db*")} == {"mlflow.db", ".mlflow.db.lock"}


def test_an_mlflow_that_asks_for_its_tables_at_each_opening_is_let(tracker, make_run, look, monkeypatch):
    import mlflow.store.db.utils

    monkeypatch.setattr(mlflow.store.db.utils, "_all_tables_exist", lambda _: False)  # as 3.1 does
    monkeypatch.setattr(database, "_make", None)
    is_told(tracker, make_run(), look)


def test_a_row_that_another_program_writes_during_the_migration_is_kept(old_file, monkeypatch, make_run):
    monkeypatch.setattr(
        database,
        "_make_tables",
        lambda _: change(old_file, "update experiments set name = 'changed' where experiment_id = 7"),
    )
    tracker = MLflowTracker(home=str(old_file.parent))
    assert tracker.sync(make_run()) is False
    assert "another program wrote to mlflow.db" in tracker.why()
    assert rows(
        old_file, "select name, (select version_num from alembic_version) from experiments where experiment_id = 7"
    ) == [("changed", OLD)]


def test_a_process_that_ends_while_the_tables_are_made_leaves_a_whole_mlflow_to_the_next():
    """Real processes, ended by kill -9 and a full disk; the slow test tries twenty moments of each kind of file."""
    ended = _ended("--files", "made", "--ends", "kill", "full", "--moments", "1")
    assert "made: whole after the same command in 2 of 2" in ended


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_moments_of_making_mending_and_migrating_are_survived():
    ended = _ended()
    assert [line for line in ended.splitlines() if "20 of 20" in line] == [
        f"{files}: whole after the same command in 20 of 20" for files in ("made", "left", "migrated")
    ]


def _ended(*options):
    done = subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, text=True, timeout=1700)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

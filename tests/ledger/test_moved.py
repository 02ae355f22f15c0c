"""A ledger whose file is removed, moved or replaced while it is open: nothing is recorded, here or in the new one."""

import os
import shutil
import subprocess
import sys
from functools import partial

import pytest
import sqlalchemy as sql

from builders import ledger, opened, received
from poolwise.core.errors import LedgerError, LedgerMoved, RunBusy
from poolwise.core.files import held
from poolwise.core.types import Annotation
from poolwise.core.voting import Claim, Verdict, Vote
from poolwise.ledger.blobs import Blobs
from poolwise.ledger.store import Ledger
from poolwise.ledger.votes import Votes

CAT = Annotation(3, "cat", "ann", 0, "csv", "")


def vote(key):
    return Vote(key, 0, 3, "ann", Verdict.LABEL, "cat", "", 1.0, None, "")


def remove(folder):
    shutil.rmtree(folder)


def begin_anew(folder):
    shutil.rmtree(folder)
    Votes(ledger(folder), "one")


def rename(folder):
    folder.rename(folder.with_name("elsewhere"))


def remove_file(folder, name="ledger.db"):
    (folder / name).unlink()


def copy_over(folder, name="ledger.db"):
    """Put a copy in the place of a file, as an editor or a backup does."""
    shutil.copy(folder / name, folder / "copy")
    (folder / "copy").rename(folder / name)


HARM = {
    "removed": remove, "begun anew": begin_anew, "renamed": rename, "file removed": remove_file, "file replaced": copy_over,
    "log removed": partial(remove_file, name="ledger.db-wal"), "log replaced": partial(copy_over, name="ledger.db-wal"),
    "index removed": partial(remove_file, name="ledger.db-shm"),
}  # fmt: skip
WORK = {
    "event": lambda votes: votes.ledger.append("one", 1, received(CAT)),
    "event that is there": lambda votes: votes.ledger.append("one", 0, opened()),
    "vote": lambda votes: votes.save([vote("late")]),
    "vote that is there": lambda votes: votes.save([vote("early")]),
    "claim": lambda votes: votes.save([], [Claim(0, 3, "ann", "tab", 5.0)]),
    "nothing": lambda votes: votes.save([]),
    "person": lambda votes: votes.admit("ben", "hash"),
    "read": lambda votes: votes.all(),
    "state": lambda votes: votes.ledger.state("one"),
    "lock": lambda votes: votes.ledger.lock("one", votes.ledger_folder).__enter__(),
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs/one"


@pytest.fixture
def votes(folder):
    found = Votes(ledger(folder), "one")
    found.ledger.append("one", 0, opened())
    found.save([vote("early")])
    object.__setattr__(found, "ledger_folder", folder)
    yield found
    found.ledger.close()


def files(folder):
    """What lies in a folder, with its content; the index of a log may change with every reader."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("harm", HARM)
def test_nothing_is_acknowledged_and_nothing_changes_at_the_path(votes, folder, harm, work):
    HARM[harm](folder)
    before = files(folder.parent)
    with pytest.raises(LedgerMoved, match=r"removed, moved or replaced .* give the command again"):
        WORK[work](votes)
    assert files(folder.parent) == before


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("work", ["event", "vote", "person"])
def test_what_was_committed_before_the_harm_was_seen_is_not_acknowledged(votes, folder, monkeypatch, harm, work):
    begun = sql.Engine.begin

    def harmed(engine):
        monkeypatch.setattr(sql.Engine, "begin", begun)
        HARM[harm](folder)
        return begun(engine)

    monkeypatch.setattr(sql.Engine, "begin", harmed)
    with pytest.raises(LedgerMoved):
        WORK[work](votes)


@pytest.mark.parametrize("harm", HARM)
def test_a_further_connection_neither_opens_nor_makes_another_file(votes, folder, harm):
    with votes.ledger.engine.connect():  # what the pool has is in use
        HARM[harm](folder)
        before = files(folder.parent)
        with pytest.raises((LedgerMoved, sql.exc.OperationalError)):
            votes.ledger.engine.connect()
        assert files(folder.parent) == before


def test_put_back_where_it_was_it_is_gone_on_with(votes, folder):
    rename(folder)
    with pytest.raises(LedgerMoved):
        votes.save([vote("late")])
    folder.with_name("elsewhere").rename(folder)
    votes.save([vote("late")])
    assert [each.key for each in votes.all()] == ["early", "late"]


def test_the_end_of_the_old_one_takes_nothing_from_the_new_one(votes, folder):
    shutil.rmtree(folder)
    new = Votes(ledger(folder), "one")
    new.save([vote("new")])
    votes.ledger.close()
    assert (folder / "ledger.db-wal").stat().st_size > 0, "what is not in the database yet"
    new.save([vote("newer")])
    new.ledger.close()
    assert [each.key for each in Votes(ledger(folder), "one").all()] == ["new", "newer"]


def test_a_link_that_leads_elsewhere_is_another_ledger(tmp_path):
    for name in ("a", "b"):
        Votes(ledger(tmp_path / name), "one").ledger.close()
    (tmp_path / "link").symlink_to("a")
    votes = Votes(ledger(tmp_path / "link"), "one")
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("b")
    with pytest.raises(LedgerMoved):
        votes.save([vote("k")])
    votes.ledger.close()


def test_the_files_are_known_by_their_paths_wherever_the_process_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    books = [Ledger(url).open() for url in ("sqlite:///plain.db", "sqlite:///file:by%20uri.db?uri=true")]
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    for book in books:
        with book.engine.connect(), book.engine.connect():
            book.append("one", 0, opened())
        book.close()
    assert list((tmp_path / "other").iterdir()) == []
    assert (tmp_path / "by uri.db").stat().st_size > 0
    (tmp_path / "plain.db").unlink()
    with pytest.raises(LedgerError, match="is missing"):
        Ledger(f"sqlite:///{tmp_path}/plain.db").open(make=False)
    assert not (tmp_path / "plain.db").exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"])
def test_in_memory_there_is_no_file_to_look_at(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    book = Ledger(url).open()
    Votes(book, "one").save([vote("k")])
    with book.lock("one", tmp_path / "one"):
        book.append("one", 0, opened())
    assert book.length("one") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one"]


def test_other_processes_that_come_and_go_leave_the_files_as_they_are(votes, folder):
    other = ledger(folder)
    Votes(other, "two").save([vote("k")])
    other.close()
    program = (
        f"import sqlite3; book = sqlite3.connect({str(folder / 'ledger.db')!r}); "
        "book.execute('DELETE FROM poolwise_claims'); book.commit(); book.execute('VACUUM'); "
        "book.execute('PRAGMA wal_checkpoint(TRUNCATE)'); book.close()"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], check=True)
    votes.save([vote("late")])


@pytest.mark.parametrize("again", [False, True])
def test_a_lock_whose_file_is_gone_holds_nothing(votes, folder, again):
    with votes.ledger.lock("one/page", folder / "page"):
        votes.save([vote("held")])
        (folder / "page/.lock").unlink()
        other = ledger(folder)
        with other.lock("one/page", folder / "page") if again else other.engine.connect(), pytest.raises(LedgerMoved):
            votes.save([vote("late")])
        other.close()
    votes.save([vote("let go of")])
    assert [each.key for each in votes.all()] == ["early", "held", "let go of"]


def test_a_lock_that_is_replaced_while_it_is_taken_is_taken_again(tmp_path, monkeypatch):
    from poolwise.core.files import FileLock

    left, taken = [2], FileLock.acquire

    def replaced(lock, **options):
        if left[0]:
            left[0] -= 1
            os.replace(shutil.copy(tmp_path / ".lock", tmp_path / "copy"), tmp_path / ".lock")
        return taken(lock, **options)

    monkeypatch.setattr(FileLock, "acquire", replaced)
    with held(tmp_path, "one") as file:
        file.check()
        with pytest.raises(RunBusy), held(tmp_path, "one"):
            pass


def test_blobs_are_neither_kept_nor_dropped_beside_another_ledger(votes, folder):
    blobs = Blobs(folder / "blobs", votes.ledger.check)
    kept = blobs.put(lambda path: path.write_text("a model"), ".pt")
    shutil.copytree(folder / "blobs", folder.parent / "blobs")
    begin_anew(folder)
    (folder.parent / "blobs").rename(folder / "blobs")
    for work in (lambda: blobs.drop(kept), lambda: blobs.put(lambda path: path.write_text("new"), ".pt")):
        with pytest.raises(LedgerMoved):
            work()
    assert [path.name for path in (folder / "blobs").iterdir()] == [kept]


def test_what_was_acknowledged_before_the_folder_was_renamed_is_where_it_is_now(votes, folder):
    rename(folder)
    with pytest.raises(LedgerMoved):
        votes.save([vote("late")])
    votes.ledger.close()
    found = Votes(ledger(folder.with_name("elsewhere")), "one")
    assert [each.key for each in found.all()] == ["early"]
    found.ledger.close()
    assert not folder.exists()

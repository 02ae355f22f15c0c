"""The same ledger on PostgreSQL, where its server programs are installed; the test starts and ends its own."""

import glob
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from builders import opened, parts
from poolwise.core.errors import ConflictingAnswers, RunBusy
from poolwise.core.types import Annotation
from poolwise.core.voting import Claim, Verdict, Vote
from poolwise.jobs.loop.runner import run_loop
from poolwise.ledger.store import Ledger
from poolwise.ledger.votes import VOTES, Votes

PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin")) + [
    str(Path(found).parent) for found in [shutil.which("initdb")] if found
]
pytestmark = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL's server programs are not installed")


def as_user(*words):
    """PostgreSQL refuses to run as root."""
    return [*(["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []), *words]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    pytest.importorskip("psycopg")
    programs, home = PROGRAMS[-1], Path("/tmp") / f"poolwise-postgres-{os.getpid()}"
    subprocess.run(
        as_user(f"{programs}/initdb", "-D", home, "-U", "tester", "-A", "trust"), check=True, capture_output=True
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -h 127.0.0.1 -k {home}"
    start = as_user(f"{programs}/pg_ctl", "-D", home, "-w", "-o", options, "-l", f"{home}/log", "start")
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"postgresql+psycopg://tester@127.0.0.1:{port}/postgres"
    subprocess.run(
        as_user(f"{programs}/pg_ctl", "-D", home, "-m", "immediate", "stop"), check=True, capture_output=True
    )
    shutil.rmtree(home, ignore_errors=True)


def test_a_run_on_postgres_equals_one_on_sqlite(url, tmp_path):
    from dataclasses import replace

    from builders import ledger

    def facts(run):
        return [replace(round_, seconds={}) for round_ in run.rounds]

    book = Ledger(url).open()
    one = run_loop(parts(tmp_path / "a"), book)
    assert facts(run_loop(parts(tmp_path / "b"), ledger(tmp_path))) == facts(one)
    assert facts(run_loop(parts(tmp_path / "a"), book)) == facts(one)
    book.close()


def test_two_machines_cannot_hold_one_run(url, tmp_path):
    here, there = Ledger(url).open(), Ledger(url).open()
    with here.lock("r", tmp_path / "here"), pytest.raises(RunBusy), there.lock("r", tmp_path / "there"):
        pass
    with there.lock("r", tmp_path / "there"):
        pass
    here.close(), there.close()


def test_facts_cannot_be_changed_there_either(url):
    book = Ledger(url).open()
    book.append("fixed", 0, opened(Annotation(1, ("a",), "x", 0, "csv", "")))
    for change in ("UPDATE poolwise_annotations SET round = 9", "DELETE FROM poolwise_events"):
        with pytest.raises(DBAPIError, match="append-only"), book.engine.begin() as connection:
            connection.exec_driver_sql(f"{change} WHERE run = 'fixed'")
    assert len(book.events("fixed")) == 1
    assert book.annotations("fixed")[0].round == 0
    book.close()


def test_votes_are_kept_there_too(url):
    book = Ledger(url).open()
    votes = Votes(book, "page")
    vote = Vote("key-0001", 0, 2**40, "ann", Verdict.LABEL, ("a", "b"), "note", 1.5, None, "2026-01-01")
    votes.save([vote], [Claim(0, 3, "ann", "tab", 5.0), Claim(0, 4, "ann", "tab", 5.0)])
    votes.save([], [Claim(0, 3, "ann", "tab", 9.0)], [Claim(0, 4, "ann", "tab", 5.0)])
    assert Votes(book, "page").all() == [vote]
    assert votes.claims(0) == [Claim(0, 3, "ann", "tab", 9.0)]
    with pytest.raises(ConflictingAnswers):
        votes.save([vote])
    with pytest.raises(DBAPIError, match="append-only"), book.engine.begin() as connection:
        connection.execute(VOTES.delete())
    votes.admit("ann", "a hash")
    assert votes.people() == {"ann": "a hash"}
    book.close()


def test_no_file_is_looked_at_where_the_ledger_is_no_file(url, tmp_path):
    here, there = Ledger(url).open(), Ledger(url).open()
    votes = Votes(here, "folderless")
    with here.lock("folderless", tmp_path / "run"):
        shutil.rmtree(tmp_path / "run")
        votes.save([Vote("key-0001", 0, 3, "ann", Verdict.LABEL, ("a",), "", 1.5, None, "2026-01-01")])
        with pytest.raises(RunBusy), there.lock("folderless", tmp_path / "run"):
            pass
    assert len(Votes(there, "folderless").all()) == 1
    here.close(), there.close()

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from builders import ledger, opened, received
from poolwise.core.errors import LedgerError, RunBusy
from poolwise.core.types import Annotation
from poolwise.ledger.events import NewEvent, RunStopped, fact_from
from poolwise.ledger.store import Ledger

CAT = Annotation(3, "cat", "ann", 0, "csv", "")


def test_events_come_back_in_order_with_their_facts(tmp_path):
    book = ledger(tmp_path)
    book.append("r", 0, NewEvent(0, RunStopped("one")))
    book.append("r", 1, NewEvent(2, RunStopped("two", {"n": 1.5})))
    assert [(e.seq, e.round, e.fact) for e in book.events("r")] == [
        (0, 0, RunStopped("one")), (1, 2, RunStopped("two", {"n": 1.5})),
    ]  # fmt: skip


def test_a_body_of_before_is_read_by_its_upgrade():
    fact = fact_from("LabelsAudited", 1, {"results": {}, "told": ["no audit"], "tables": ""})
    assert fact == fact_from("LabelsAudited", 2, {"results": {}, "messages": ["no audit"]})
    assert fact.messages == ("no audit",)


def test_an_event_of_a_newer_program_asks_for_it():
    with pytest.raises(LedgerError, match="RunStopped has version 9, .* install a newer poolwise"):
        fact_from("RunStopped", 9, {"reason": "x"})


@pytest.mark.parametrize("body", [{}, {"reason": 3}, [], None])
def test_a_body_of_another_form_is_no_fact(body):
    with pytest.raises(TypeError, match="RunStopped"):
        fact_from("RunStopped", 1, body)


@pytest.mark.parametrize("label", ["cat", ("cat", "dog"), (), None])
def test_labels_of_every_form_survive(tmp_path, label):
    book = ledger(tmp_path)
    book.append("r", 0, received(replace(CAT, label=label)))
    assert book.annotations("r")[0].label == label


def test_a_correction_is_a_new_row_and_stands_for_the_old_one(tmp_path):
    book = ledger(tmp_path)
    book.append("r", 0, opened(CAT))
    book.append("r", 1, received(replace(CAT, label="dog")))
    assert [row.label for row in book.annotations("r")] == ["cat", "dog"]
    assert book.state("r").annotations[3].label == "dog"


@pytest.mark.parametrize("change", ["UPDATE poolwise_annotations SET round = 9", "DELETE FROM poolwise_events"])
def test_the_database_itself_refuses_to_change_a_fact(tmp_path, change):
    ledger(tmp_path).append("r", 0, opened(CAT))
    with (
        sqlite3.connect(tmp_path / "ledger.db") as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(change)
    connection.close()


def test_two_writers_of_one_event_do_not_both_succeed(tmp_path):
    book = ledger(tmp_path)
    book.append("r", 0, opened())
    with pytest.raises(RunBusy, match="another process"):
        book.append("r", 0, opened(CAT))
    assert book.annotations("r") == []


def test_a_second_process_on_a_run_is_refused(tmp_path):
    one, two = ledger(tmp_path), ledger(tmp_path)
    with one.lock("r", tmp_path), pytest.raises(RunBusy, match="another process"), two.lock("r", tmp_path):
        pass
    with two.lock("r", tmp_path):
        pass


def test_nan_never_enters_the_ledger(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        ledger(tmp_path).append("r", 0, opened(data={"x": float("nan")}))


def test_an_unreachable_database_is_named_without_its_password():
    with pytest.raises(LedgerError, match="cannot be opened") as found:
        Ledger("nodialect://me:secret@h/db").open()
    assert "secret" not in str(found.value)


def test_a_place_where_no_file_can_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    for place in ("/proc/no/such", tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(LedgerError, match=f"{place}/ledger.db cannot be opened"):
            ledger(Path(place))


def test_sqlite_writes_ahead(tmp_path):
    with ledger(tmp_path).engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"

"""The keystone: killed anywhere, a resumed run ends as one that was never killed."""

from dataclasses import replace

import pytest

from builders import ledger, parts
from poolwise.annotation.csv_files import CsvFiles, batch_file
from poolwise.jobs.answers import batch_of
from poolwise.jobs.loop.runner import run_loop
from poolwise.ledger.blobs import Blobs as BlobStore
from poolwise.ledger.store import OpenLedger


class Killed(BaseException):
    """As final as a signal: no handler for Exception sees it."""


def facts(run):
    """All that a run came to, less the clock."""
    return run.status, run.stop_reason, [replace(round_, seconds={}) for round_ in run.rounds]


def kill_at(monkeypatch, owner, method, count, after):
    """Die at the count-th call of a method, before or after its work."""
    calls = iter(range(10_000))
    original = getattr(owner, method)

    def dying(*args, **options):
        at = next(calls)
        if at == count and not after:
            raise Killed
        result = original(*args, **options)
        if at == count:
            raise Killed
        return result

    monkeypatch.setattr(owner, method, dying)


EVENTS = 1 + 5 * 6 + 1


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    run = run_loop(parts(folder), ledger(folder))
    assert len(ledger(folder).events("blobs")) == EVENTS
    return facts(run)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("event", range(EVENTS))
def test_killed_at_any_event_the_resumed_run_is_the_same(tmp_path, monkeypatch, unbroken, event, after):
    kill_at(monkeypatch, OpenLedger, "append", event, after)
    with pytest.raises(Killed):
        run_loop(parts(tmp_path), ledger(tmp_path))
    assert facts(run_loop(parts(tmp_path), ledger(tmp_path))) == unbroken


@pytest.mark.parametrize("method", ["put", "drop"])
@pytest.mark.parametrize("call", [0, 2])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_around_a_file_the_resumed_run_is_the_same(tmp_path, monkeypatch, unbroken, method, call, after):
    kill_at(monkeypatch, BlobStore, method, call, after)
    with pytest.raises(Killed):
        run_loop(parts(tmp_path), ledger(tmp_path))
    assert facts(run_loop(parts(tmp_path), ledger(tmp_path))) == unbroken


def test_killed_at_every_single_event_in_turn(tmp_path, monkeypatch, unbroken):
    """A machine that dies after each step still gets there."""
    original = OpenLedger.append

    def dying(*args, **options):
        original(*args, **options)
        raise Killed

    monkeypatch.setattr(OpenLedger, "append", dying)
    for _ in range(EVENTS):
        with pytest.raises(Killed):
            run_loop(parts(tmp_path), ledger(tmp_path))
    assert facts(run_loop(parts(tmp_path), ledger(tmp_path))) == unbroken


@pytest.mark.parametrize("event", range(0, 14))
def test_with_people_no_answer_is_lost_or_doubled(tmp_path, monkeypatch, event):
    built = parts(tmp_path, annotator=CsvFiles())
    built = replace(built, images=replace(built.images, known=0.0))
    kill_at(monkeypatch, OpenLedger, "append", event, after=event % 2 == 0)
    for _ in range(12):
        book = ledger(tmp_path)
        try:
            run = run_loop(built, book)
        except Killed:
            continue
        if run.status == "stopped":
            break
        batch = batch_of(book.state("blobs"), built)
        rows = [f"{at},{'abc'[at % 3]}" for at in batch.ids()]
        batch_file(batch).write_text("\n".join(["sample_id,label", *rows]) + "\n")
    assert [round_.labelled for round_ in run.rounds] == [4, 8, 12, 16, 20]
    assert len(book.annotations("blobs")) == 20

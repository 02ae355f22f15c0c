"""What is said is in the ledger before it is believed."""

from pathlib import Path

import pytest

from poolwise.annotation.web.batch_session import BatchSession
from poolwise.annotation.web.forms import Submission
from poolwise.core.errors import AnnotationError, ConflictingAnswers, LedgerError, UnknownLabel, UnknownSample
from poolwise.core.types import Ask, Batch, Task
from poolwise.core.voting import Verdict
from poolwise.ledger.votes import Votes


def sent(at, label="a", key=None, verdict=Verdict.LABEL, **more):
    return Submission(key or f"key-{at}-{label}", at, verdict, (label,) if verdict is Verdict.LABEL else (), **more)


def ids(asks):
    return [ask.sample_id for ask in asks]


def test_an_answer_is_in_the_ledger_and_the_next_sample_comes_back(session, store):
    assert ids(session.take("ann", "tab", 2)) == [0, 1]
    assert ids(session.answer("ann", "tab", [sent(0, seconds=1.5, note="blurred")], 2)) == [1, 2]
    (row,) = store.all()
    assert (row.sample_id, row.person, row.label, row.seconds, row.note, row.suggestion) == (
        0,
        "ann",
        "a",
        1.5,
        "blurred",
        "a",
    )


def test_the_same_answer_sent_twice_changes_nothing(session, store):
    for _ in range(3):
        session.answer("ann", "tab", [sent(0, key="one-key")], 1)
    assert len(store.all()) == 1
    assert session.counts("ann").done == 1


def test_a_new_server_begins_where_the_old_one_was_killed(session, store, clock):
    session.take("ann", "tab", 2)
    session.take("ben", "tab", 1)
    session.answer("ann", "tab", [sent(0)], 2)
    again = BatchSession(session.batch, Votes(store.ledger, "one"), clock=clock)
    assert ids(again.take("cem", "tab", 9)) == [4, 5], "what ann and ben hold stays theirs"
    assert ids(again.take("ann", "tab", 2)) == [1, 3]
    assert again.counts("ann") == session.counts("ann")
    again.answer("ann", "tab", [sent(0)], 1)
    assert len(store.all()) == 1


def test_an_answer_taken_back_comes_up_again_before_everything_else(session, store):
    session.take("ann", "tab", 2)
    session.answer("ann", "tab", [sent(0, "b", note="hm")], 2)
    vote = session.undo("ann", "tab", "undo-key")
    assert (vote.sample_id, vote.label, vote.note) == (0, "b", "hm")
    assert session.undo("ann", "tab", "undo-key") == vote
    assert len(store.all()) == 2, "sent twice it is one step back"
    assert ids(session.take("ann", "tab", 2))[0] == 0
    assert session.counts("ann").done == 0
    assert session.undo("ben", "tab", "another-key") is None


def test_nothing_is_believed_that_the_ledger_refuses(session, store, monkeypatch):
    session.take("ann", "tab", 1)

    def full(*_):
        raise LedgerError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(Votes, "save", full)
        with pytest.raises(LedgerError):
            session.answer("ann", "tab", [sent(0)], 1)
    assert session.counts("ann").done == 0
    assert store.all() == []
    session.answer("ann", "tab", [sent(0)], 1)
    assert session.counts("ann").done == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (sent(99), UnknownSample),
        (sent(0, "zebra"), UnknownLabel),
        (Submission("key-none", 0, Verdict.LABEL, ()), AnnotationError),
        (sent(1, key="used-before"), ConflictingAnswers),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(session, store, answer, error):
    session.answer("ann", "tab", [sent(0, key="used-before")], 0)
    with pytest.raises(error):
        session.answer("ann", "tab", [sent(2), answer], 0)
    assert len(store.all()) == 1
    assert session.counts("ann").done == 1


def test_several_classes_are_kept_in_the_order_of_the_classes(store, clock):
    several = Batch(0, (Ask(0, "x"),), ("a", "b", "c"), Task.MULTILABEL, Path())
    session = BatchSession(several, store, clock=clock)
    session.answer("ann", "tab", [Submission("key-many", 0, Verdict.LABEL, ("c", "a"))], 0)
    session.answer("ben", "tab", [Submission("key-none", 0, Verdict.LABEL, ())], 0)
    assert [row.label for row in store.all()] == [("a", "c"), ()]


def test_a_sheet_of_the_grid_is_confirmed_at_once_and_the_wrong_ones_come_later(session, store):
    sheet = ids(session.take("ann", "tab", 6, grid=True))
    assert sheet == [3, 0, 4, 1, 5, 2], "by suggested class, surest first"
    rest = session.answer("ann", "tab", [sent(at, "abc"[at % 3]) for at in sheet[1:]], 6, aside=[3], grid=True)
    assert rest == []
    assert len(store.all()) == 5
    assert ids(session.take("ann", "tab", 1)) == [3]


def test_everybodys_figures_are_there(session):
    session.answer("ann", "tab", [sent(0, "a", seconds=2.0), sent(1, "a", seconds=4.0)], 0)
    (row,) = session.speeds()
    assert (row.person, row.answers, row.seconds, row.agreement) == ("ann", 2, 3.0, 0.5)


def test_a_database_that_was_away_costs_nothing_of_what_was_there(session, store, monkeypatch):
    def away(*arguments):
        raise LedgerError("no connection")

    session.take("ben", "tab", 1)
    session.take("ann", "tab", 1)
    session.answer("ann", "tab", [sent(1)], 1)
    with monkeypatch.context() as broken:
        for name in ("save", "all", "claims"):
            broken.setattr(Votes, name, away)
        for _ in range(2):
            with pytest.raises(LedgerError):
                session.answer("ann", "tab", [sent(2)], 1)
    assert session.counts("ann").done == 1
    assert ids(session.answer("ann", "tab", [sent(2)], 2)) == [3, 4], (
        "what ben holds is his, what was said is not asked again"
    )
    assert [row.sample_id for row in store.all()] == [1, 2]

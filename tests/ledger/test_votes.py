"""Votes are facts; claims are not."""

import pytest
import sqlalchemy as sql

from builders import ledger
from poolwise.core.errors import ConflictingAnswers
from poolwise.core.voting import Claim, Verdict, Vote
from poolwise.ledger.votes import CLAIMS, VOTES, Votes


def vote(key="k", person="ann", **more):
    return Vote(
        key, 0, 3, person, Verdict.LABEL, ("a", "b"), "a note", 1.5, ("a",), "2026-01-01T00:00:00.000+00:00", **more
    )


@pytest.fixture
def votes(tmp_path):
    opened = ledger(tmp_path)
    yield Votes(opened, "one")
    opened.close()


def test_a_vote_is_read_as_it_was_written(votes):
    votes.save([vote()])
    assert votes.all() == [vote()]
    assert Votes(votes.ledger, "two").all() == []


def test_the_same_key_of_one_person_is_refused_and_nothing_of_that_transaction_is_there(votes):
    votes.save([vote()], [Claim(0, 3, "ann", "t", 5.0)])
    with pytest.raises(ConflictingAnswers, match="key"):
        votes.save([vote("other"), vote()], [Claim(0, 4, "ann", "t", 5.0)], [Claim(0, 3, "ann", "t", 5.0)])
    assert len(votes.all()) == 1
    assert [claim.sample_id for claim in votes.claims(0)] == [3]
    votes.save([vote(person="ben")])


def test_a_claim_is_renewed_and_dropped(votes):
    claim = Claim(0, 3, "ann", "t", 5.0)
    votes.save([], [claim, Claim(1, 3, "ann", "t", 5.0)])
    votes.save([], [Claim(0, 3, "ann", "u", 9.0)])
    assert votes.claims(0) == [Claim(0, 3, "ann", "u", 9.0)]
    votes.save([], [], [claim])
    assert votes.claims(0) == []
    assert len(votes.claims(1)) == 1


def test_the_database_itself_refuses_to_change_a_vote(votes):
    votes.save([vote()], [Claim(0, 3, "ann", "t", 5.0)])
    for change in (VOTES.delete(), VOTES.update().values(person="ben")):
        with pytest.raises(sql.exc.DatabaseError, match="append-only"), votes.ledger.engine.begin() as connection:
            connection.execute(change)
    with votes.ledger.engine.begin() as connection:
        connection.execute(CLAIMS.delete())


def test_a_new_token_takes_the_place_of_the_old_one(votes):
    votes.admit("ann", "1"), votes.admit("ben", "2"), votes.admit("ann", "3")
    assert votes.people() == {"ann": "3", "ben": "2"}

"""The votes of people on the annotation page, in the ledger's database: one row a vote, written before the page moves on.

Votes are facts: the database refuses to change or remove one. They become annotations, one for each sample, when the loop
or the page's server takes them (`LabelsReceived`). Claims say who holds which sample at the moment; they are reservations,
not facts, and are changed in the transaction that writes the vote they were for. People have the hash of their token here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sql
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from poolwise.core.errors import ConflictingAnswers, LedgerError
from poolwise.core.voting import Claim, Verdict, Vote
from poolwise.ledger.store import TABLES, OpenLedger, append_only, first_line, label_from_json, label_to_json, now

VOTES = sql.Table(
    "poolwise_votes",
    TABLES,
    sql.Column("id", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("run", sql.String(200), nullable=False),
    sql.Column("person", sql.String(200), nullable=False),
    sql.Column("key", sql.String(80), nullable=False),
    sql.Column("round", sql.Integer, nullable=False),
    sql.Column("sample_id", sql.BigInteger, nullable=False),
    sql.Column("said", sql.String(20), nullable=False),
    sql.Column("label", sql.JSON(none_as_null=True)),
    sql.Column("note", sql.Text, nullable=False),
    sql.Column("seconds", sql.Float),
    sql.Column("suggestion", sql.JSON(none_as_null=True)),
    sql.Column("at", sql.String(40), nullable=False),
    sql.UniqueConstraint("run", "person", "key"),
)

CLAIMS = sql.Table(
    "poolwise_claims",
    TABLES,
    sql.Column("run", sql.String(200), primary_key=True),
    sql.Column("round", sql.Integer, primary_key=True),
    sql.Column("sample_id", sql.BigInteger, primary_key=True),
    sql.Column("person", sql.String(200), primary_key=True),
    sql.Column("tab", sql.String(80), nullable=False),
    sql.Column("until", sql.Float, nullable=False),
)

PEOPLE = sql.Table(
    "poolwise_people",
    TABLES,
    sql.Column("id", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("run", sql.String(200), nullable=False, index=True),
    sql.Column("person", sql.String(200), nullable=False),
    sql.Column("token_sha256", sql.String(64), nullable=False),
    sql.Column("at", sql.String(40), nullable=False),
)

for _table in (VOTES, PEOPLE):
    append_only(_table)


@dataclass(frozen=True)
class Votes:
    """The votes, claims and people of one run. The tables are made when they are first needed."""

    ledger: OpenLedger
    run: str

    def __post_init__(self) -> None:
        with self._transaction() as connection:
            TABLES.create_all(connection, tables=[VOTES, CLAIMS, PEOPLE])

    def all(self) -> list[Vote]:
        """Return every vote, oldest first."""
        query = sql.select(VOTES).where(VOTES.c.run == self.run).order_by(VOTES.c.id)
        with self._transaction() as connection:
            rows = connection.execute(query).all()
        return [
            Vote(
                row.key, row.round, row.sample_id, row.person, Verdict(row.said), label_from_json(row.label), row.note,
                row.seconds, label_from_json(row.suggestion), row.at,
            )
            for row in rows
        ]  # fmt: skip

    def claims(self, round: int) -> list[Claim]:
        """Return who holds what of a round."""
        query = sql.select(CLAIMS).where(CLAIMS.c.run == self.run, CLAIMS.c.round == round)
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(CLAIMS.c.sample_id)).all()
        return [Claim(row.round, row.sample_id, row.person, row.tab, row.until) for row in rows]

    def save(self, votes: Sequence[Vote], claimed: Sequence[Claim] = (), dropped: Sequence[Claim] = ()) -> None:
        """Write votes, new or renewed claims, and drop others: all in one transaction, on the disk when this returns.

        With nothing to write it makes sure that what was written before is still where the loop reads it.

        Raises:
            LedgerMoved: another ledger, or none, lies there now; nothing was written to it.
            ConflictingAnswers: a key that the person used in another batch; nothing was written.
            LedgerError: the database refuses; nothing was written.
        """
        if not (votes or claimed or dropped):
            self.ledger.check()
            return
        with self._transaction() as connection:
            if gone := [*dropped, *claimed]:
                mine = [sql.bindparam(f"the_{name}") == CLAIMS.c[name] for name in ("round", "sample_id", "person")]
                keys = [{"the_round": c.round, "the_sample_id": c.sample_id, "the_person": c.person} for c in gone]
                connection.execute(CLAIMS.delete().where(CLAIMS.c.run == self.run, *mine), keys)
            if claimed:
                connection.execute(CLAIMS.insert(), [{"run": self.run, **vars(claim)} for claim in claimed])
            if votes:
                connection.execute(VOTES.insert(), [self._row(vote) for vote in votes])

    def _row(self, vote: Vote) -> dict[str, object]:
        row = {name: value for name, value in vars(vote).items() if name != "verdict"}
        label, suggestion = label_to_json(vote.label), label_to_json(vote.suggestion)
        changed = {"said": vote.verdict.value, "label": label, "suggestion": suggestion, "at": vote.at or now()}
        return {"run": self.run, **row, **changed}

    def people(self) -> dict[str, str]:
        """Return name -> SHA-256 of the token that they come in with."""
        query = sql.select(PEOPLE).where(PEOPLE.c.run == self.run).order_by(PEOPLE.c.id)
        with self._transaction() as connection:
            rows = connection.execute(query).all()
        return {row.person: row.token_sha256 for row in rows}

    def admit(self, person: str, token_sha256: str) -> None:
        """Let somebody in with a token from now on; one that they had is worth nothing any more."""
        row = {"run": self.run, "person": person, "token_sha256": token_sha256, "at": now()}
        with self._transaction() as connection:
            connection.execute(PEOPLE.insert(), row)

    @contextmanager
    def _transaction(self) -> Iterator[sql.Connection]:
        try:
            with self.ledger.transaction() as connection:
                yield connection
        except IntegrityError as error:
            raise ConflictingAnswers(
                "the key of an answer was used in another batch; each answer has its own key."
            ) from error
        except SQLAlchemyError as error:
            raise LedgerError(f"the ledger cannot be read or written: {first_line(error)}.") from error

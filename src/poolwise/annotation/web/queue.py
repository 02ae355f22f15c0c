"""Who gets which sample next: one batch's queue, in memory. Pure but for being changed; the caller holds a lock.

A sample is open until `redundancy` people have spoken. A claim keeps it for one tab of one person until a time; no more
claims and votes together are given out than the sample needs, so two people get the same one only if it needs two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from poolwise.annotation.web.vote_aggregation import latest_votes
from poolwise.core.voting import Claim, Said, Vote


class Queue:
    """The samples of a batch, who said something of each, who holds which.

    Args:
        ids: samples in the order in which they are to be asked.
        redundancy: people who are to speak of each.
        hold: seconds for which a claim lasts.
    """

    def __init__(self, ids: Sequence[int], redundancy: int, hold: float) -> None:
        self.ids = tuple(ids)
        self._known = frozenset(ids)
        self.redundancy = redundancy
        self.hold = hold
        self.said: dict[int, dict[str, Vote]] = {}
        self._open = dict.fromkeys(ids)
        self._claims: dict[int, dict[str, Claim]] = {}
        self._held: dict[tuple[str, str], dict[int, Claim]] = defaultdict(dict)
        self._skips: dict[tuple[int, str], int] = {}
        self._history: dict[str, dict[int, None]] = defaultdict(dict)

    def restore(self, votes: Iterable[Vote], claims: Iterable[Claim]) -> None:
        """Begin where the ledger stands."""
        for vote in votes:
            self.add(vote)
        for claim in claims:
            self._keep(claim)

    def __contains__(self, sample_id: object) -> bool:
        return sample_id in self._known

    @property
    def done(self) -> int:
        """Samples of which enough people have spoken."""
        return len(self.ids) - len(self._open)

    def add(self, vote: Vote) -> Claim | None:
        """Count a vote, or take one back; returns the claim that it was for, which is over."""
        at, person = vote.sample_id, vote.person
        rows = latest_votes([*self.said.get(at, {}).values(), vote]).get(at, {})
        self.said[at] = rows
        self._history[person].pop(at, None)
        if vote.said is not Said.UNDO:
            self._history[person][at] = None
        if len(rows) >= self.redundancy:
            self._open.pop(at, None)
        elif at not in self._open:
            self._open[at] = None
        return self._drop(at, person)

    def last_of(self, person: str) -> int | None:
        """The sample that a person spoke of last and has not taken back."""
        return next(reversed(self._history[person]), None)

    def votes_of(self, person: str) -> int:
        """Samples of which a person has spoken."""
        return len(self._history[person])

    def held(self, person: str, tab: str, now: float) -> list[int]:
        """What a tab holds, oldest claim first."""
        return [claim.sample_id for claim in self.claims_of(person, tab) if claim.until > now]

    def claims_of(self, person: str, tab: str) -> list[Claim]:
        """Every claim of a tab, run out or not."""
        return list(self._held[person, tab].values())

    def take(
        self, person: str, tab: str, count: int, now: float, round: int, order: Iterable[int] | None = None
    ) -> tuple[list[int], list[Claim]]:
        """What a tab is to show: what it holds, and new samples up to `count`; and claims to write down.

        Claims of which more than half the time has gone are renewed. Skipped samples come last, and when there is nothing
        else at all, what the person holds in other tabs.

        Args:
            person: who asks.
            tab: of their browser.
            count: samples to hold.
            now: seconds since 1970.
            round: of the batch.
            order: these alone, in another order than the batch's; what the person skipped is left out.
        """
        held = self.held(person, tab, now)
        fresh = self._free(person, now, count - len(held), order)
        if count > 0 and not held and not fresh and order is None:
            fresh = self._in_other_tabs(person, tab, now)[:count]
        old = [at for at in held if self._claims[at][person].until - now < self.hold / 2]
        written = [Claim(round, at, person, tab, now + self.hold) for at in (*old, *fresh)]
        for claim in written:
            self._keep(claim)
        return [*held, *fresh], written

    def _free(self, person: str, now: float, count: int, order: Iterable[int] | None) -> list[int]:
        found: list[int] = []
        skipped: list[int] = []
        if count <= 0:
            return found
        for at in self._open if order is None else order:
            if not self._may_have(at, person, now):
                continue
            if (at, person) in self._skips:
                skipped.append(at)
                continue
            found.append(at)
            if len(found) == count:
                return found
        if order is not None:
            return found
        return [*found, *sorted(skipped, key=lambda at: self._skips[at, person])][:count]

    def _in_other_tabs(self, person: str, tab: str, now: float) -> list[int]:
        """What a person holds in tabs that they may have closed; what they held once may be somebody else's by now."""
        mine = [rows.values() for (who, where), rows in self._held.items() if who == person and where != tab]
        return [
            claim.sample_id for rows in mine for claim in rows if claim.sample_id in self._open and claim.until > now
        ]

    def _may_have(self, at: int, person: str, now: float) -> bool:
        if at not in self._open or person in self.said.get(at, {}):
            return False
        claims = self._claims.get(at, {})
        mine = claims.get(person)
        if mine is not None and mine.until > now:  # in another tab
            return False
        live = sum(claim.until > now for claim in claims.values())
        return live + len(self.said.get(at, {})) < self.redundancy

    def hand(self, at: int, person: str, tab: str, now: float, round: int) -> Claim:
        """Give one sample to a tab whatever the queue says: it took back what it said of it."""
        self._drop(at, person)
        claim = Claim(round, at, person, tab, now + self.hold)
        self._keep(claim)
        self._held[person, tab] = {at: claim, **self._held[person, tab]}
        return claim

    def skip(self, at: int, person: str) -> Claim | None:
        """Give a sample back: others get it, and this person once nothing else is left."""
        self._skips[at, person] = len(self._skips)
        return self._drop(at, person)

    def _keep(self, claim: Claim) -> None:
        """Take a claim in; a renewed one keeps its place."""
        before = self._claims.setdefault(claim.sample_id, {}).get(claim.person)
        if before is not None and before.tab != claim.tab:
            self._held[claim.person, before.tab].pop(claim.sample_id, None)
        self._claims[claim.sample_id][claim.person] = claim
        self._held[claim.person, claim.tab][claim.sample_id] = claim

    def _drop(self, at: int, person: str) -> Claim | None:
        claim = self._claims.get(at, {}).pop(person, None)
        if claim is not None:
            self._held[person, claim.tab].pop(at, None)
        return claim

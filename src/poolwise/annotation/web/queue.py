"""Who gets which sample next: one batch's queue, in memory. It reads and writes nothing; the caller holds a lock.

A sample is open until `redundancy` people have answered it. A claim keeps it for one tab of one person until a time; no more
claims and votes together are given out than the sample needs, so two people get the same one only if it needs two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from poolwise.annotation.web.vote_aggregation import latest_votes
from poolwise.core.voting import Claim, Verdict, Vote


class Queue:
    """The samples of a batch, the votes on each, who holds which.

    Args:
        ids: samples in the order in which they are to be asked.
        redundancy: people who are to answer each.
        hold: seconds for which a claim lasts.
    """

    def __init__(self, ids: Sequence[int], redundancy: int, hold: float) -> None:
        self.ids = tuple(ids)
        self.redundancy = redundancy
        self.hold = hold
        self.votes: dict[int, dict[str, Vote]] = {}
        self._open = dict.fromkeys(ids)
        self._claims: dict[int, dict[str, Claim]] = {}
        self._held: dict[tuple[str, str], dict[int, Claim]] = defaultdict(dict)
        self._skips: dict[tuple[int, str], int] = {}
        self._history: dict[str, dict[int, None]] = defaultdict(dict)

    def restore(self, votes: Iterable[Vote], claims: Iterable[Claim]) -> None:
        """Take in what the ledger holds."""
        for vote in votes:
            self.add(vote)
        for claim in claims:
            self._keep(claim)

    @property
    def done(self) -> int:
        """Samples that enough people have answered."""
        return len(self.ids) - len(self._open)

    def add(self, vote: Vote) -> Claim | None:
        """Count a vote, or take one back; return the claim that it was for, which is over."""
        sample_id, person = vote.sample_id, vote.person
        rows = latest_votes([*self.votes.get(sample_id, {}).values(), vote]).get(sample_id, {})
        self.votes[sample_id] = rows
        self._history[person].pop(sample_id, None)
        if vote.verdict is not Verdict.UNDO:
            self._history[person][sample_id] = None
        if len(rows) >= self.redundancy:
            self._open.pop(sample_id, None)
        else:
            self._open.setdefault(sample_id)
        return self._drop(sample_id, person)

    def last_of(self, person: str) -> int | None:
        """Return the sample that a person answered last and has not taken back."""
        return next(reversed(self._history[person]), None)

    def votes_of(self, person: str) -> int:
        """Return the number of samples that a person has answered."""
        return len(self._history[person])

    def held(self, person: str, tab: str, now: float) -> list[int]:
        """Return what a tab holds, oldest claim first."""
        return [claim.sample_id for claim in self._held[person, tab].values() if claim.until > now]

    def take(
        self, person: str, tab: str, count: int, now: float, round: int, order: Iterable[int] | None = None
    ) -> tuple[list[int], list[Claim]]:
        """Return what a tab is to show (what it holds, and new samples up to `count`) and the claims to write down.

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
        old = [each for each in held if self._claims[each][person].until - now < self.hold / 2]
        claims = [Claim(round, each, person, tab, now + self.hold) for each in (*old, *fresh)]
        for claim in claims:
            self._keep(claim)
        return [*held, *fresh], claims

    def _free(self, person: str, now: float, count: int, order: Iterable[int] | None) -> list[int]:
        if count <= 0:
            return []
        candidates = self._open if order is None else order
        free = (each for each in candidates if self._may_have(each, person, now))
        fresh: list[int] = []
        skipped: list[int] = []
        for sample_id in free:
            if (sample_id, person) in self._skips:
                skipped.append(sample_id)
                continue
            fresh.append(sample_id)
            if len(fresh) == count:
                return fresh
        if order is not None:
            return fresh
        return [*fresh, *sorted(skipped, key=lambda each: self._skips[each, person])][:count]

    def _in_other_tabs(self, person: str, tab: str, now: float) -> list[int]:
        """Return what a person holds in tabs that they may have closed; an old claim may have passed to somebody else."""
        mine = [rows.values() for (holder, other), rows in self._held.items() if holder == person and other != tab]
        return [
            claim.sample_id for rows in mine for claim in rows if claim.sample_id in self._open and claim.until > now
        ]

    def _may_have(self, sample_id: int, person: str, now: float) -> bool:
        votes = self.votes.get(sample_id, {})
        if sample_id not in self._open or person in votes:
            return False
        claims = self._claims.get(sample_id, {})
        mine = claims.get(person)
        if mine is not None and mine.until > now:  # in another tab
            return False
        return sum(claim.until > now for claim in claims.values()) + len(votes) < self.redundancy

    def hand(self, sample_id: int, person: str, tab: str, now: float, round: int) -> Claim:
        """Give a sample to a tab whatever the queue says: its person took the answer back."""
        self._drop(sample_id, person)
        claim = Claim(round, sample_id, person, tab, now + self.hold)
        self._keep(claim)
        self._held[person, tab] = {sample_id: claim, **self._held[person, tab]}
        return claim

    def skip(self, sample_id: int, person: str) -> Claim | None:
        """Give a sample back: others get it, and this person once nothing else is left."""
        self._skips[sample_id, person] = len(self._skips)
        return self._drop(sample_id, person)

    def _keep(self, claim: Claim) -> None:
        """Take a claim in; a renewed one keeps its place."""
        before = self._claims.setdefault(claim.sample_id, {}).get(claim.person)
        if before is not None and before.tab != claim.tab:
            self._held[claim.person, before.tab].pop(claim.sample_id, None)
        self._claims[claim.sample_id][claim.person] = claim
        self._held[claim.person, claim.tab][claim.sample_id] = claim

    def _drop(self, sample_id: int, person: str) -> Claim | None:
        claim = self._claims.get(sample_id, {}).pop(person, None)
        if claim is not None:
            self._held[person, claim.tab].pop(sample_id, None)
        return claim

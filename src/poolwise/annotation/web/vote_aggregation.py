"""From votes to answers: the latest vote of each person on each sample, and one label from several. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from poolwise.core.types import Annotation, Answer, Batch, Label, Task, encode
from poolwise.core.voting import Verdict, Vote
from poolwise.quality.consensus.crowdlab import crowdlab

VotesBySample = Mapping[int, Mapping[str, Vote]]
"""Sample -> person -> the vote that stands."""


def latest_votes(votes: Iterable[Vote]) -> dict[int, dict[str, Vote]]:
    """Return the latest vote of each person on each sample, without those taken back.

    >>> one = Vote("a", 0, 7, "ann", Verdict.LABEL, "cat")
    >>> latest_votes([one, Vote("b", 0, 7, "ann", Verdict.UNDO)]), list(latest_votes([one]))
    ({}, [7])
    """
    latest: dict[int, dict[str, Vote]] = defaultdict(dict)
    for vote in votes:
        latest[vote.sample_id].pop(vote.person, None)  # a later vote goes to the end: dicts keep their order
        if vote.verdict is not Verdict.UNDO:
            latest[vote.sample_id][vote.person] = vote
    return {sample_id: rows for sample_id, rows in latest.items() if rows}


def taken_back(votes: Iterable[Vote], round: int, redundancy: int) -> set[int]:
    """Return the samples of a round of which somebody took a vote back, and which too few people have answered since.

    >>> one, undone = Vote("a", 0, 7, "ann", Verdict.LABEL, "cat"), Vote("b", 0, 7, "ann", Verdict.UNDO)
    >>> taken_back([one, undone], 0, 1), taken_back([one, undone, one], 0, 1)
    ({7}, set())
    """
    mine = [vote for vote in votes if vote.round == round]
    last = {(vote.sample_id, vote.person): vote.verdict for vote in mine}
    rows = latest_votes(mine)
    return {
        sample_id
        for (sample_id, _), verdict in last.items()
        if verdict is Verdict.UNDO and len(rows.get(sample_id, ())) < redundancy
    }


def has_news(votes: Iterable[Vote], answered: Mapping[int, Annotation]) -> bool:
    """Return whether a vote is later than the annotation that the ledger has of its sample.

    >>> vote = Vote("a", 0, 7, "ann", Verdict.LABEL, "cat", at="2026-01-02")
    >>> has_news([vote], {}), has_news([vote], {7: Annotation(7, "cat", "ann", 0, "page", "2026-01-02")})
    (True, False)
    """
    return any(
        vote.sample_id not in answered or vote.at > answered[vote.sample_id].at
        for vote in votes
        if vote.verdict not in (Verdict.UNDO, Verdict.KEEP)  # neither becomes an answer
    )


def aggregate(votes: Sequence[Vote], batch: Batch, redundancy: int) -> list[Answer]:
    """Return this batch's answers, and corrections of earlier ones that came late.

    A sample is answered when `redundancy` people have voted. Several votes become one label by CROWDLAB
    (`poolwise.consensus`), weighing people by how often they agree over the batch; for multi-label class by class.

    Args:
        votes: of the run, oldest first.
        batch: whose answers are asked for.
        redundancy: votes that a sample needs.
    """
    asked = set(batch.ids())
    by_round: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        if vote.round == batch.round or vote.sample_id not in asked:
            by_round[vote.round].append(vote)
    latest: dict[int, Answer] = {}
    for round_ in sorted(by_round):
        needed = 1 if round_ < 0 else redundancy
        rows = {sample_id: row for sample_id, row in latest_votes(by_round[round_]).items() if len(row) >= needed}
        for answer in _of_one_round(rows, batch) if round_ >= 0 else _removed(rows):
            before = latest.get(answer.sample_id)
            if before is None or answer.at >= before.at:
                latest[answer.sample_id] = answer
    return list(latest.values())


def _removed(rows: VotesBySample) -> list[Answer]:
    """Return near-copies of which another was kept; those that stay are no news."""
    last = [max(votes.values(), key=lambda vote: vote.at) for votes in rows.values()]
    return [Answer(vote.sample_id, None, vote.person, True, vote.at) for vote in last if vote.verdict is Verdict.REMOVE]


def _of_one_round(rows: VotesBySample, batch: Batch) -> list[Answer]:
    agreed = _agreed({sample_id: list(votes.values()) for sample_id, votes in rows.items()}, batch)
    return [
        Answer(
            sample_id,
            label,
            ", ".join(sorted(rows[sample_id]))[:200],
            verdict is Verdict.REMOVE,
            max(vote.at for vote in rows[sample_id].values()),
        )
        for sample_id, (verdict, label) in agreed.items()
    ]


def _agreed(rows: Mapping[int, list[Vote]], batch: Batch) -> dict[int, tuple[Verdict, Label]]:
    """Return the verdict on each sample; more "cannot tell" or "remove" than labels stand as such."""
    agreed: dict[int, tuple[Verdict, Label]] = {}
    several: dict[int, list[Vote]] = {}
    for sample_id, votes in rows.items():
        counts = Counter(vote.verdict for vote in votes)
        verdict = max((Verdict.LABEL, Verdict.CANNOT_TELL, Verdict.REMOVE), key=lambda kind: counts[kind])
        agreed[sample_id] = (verdict, votes[0].label if len(votes) == 1 else None)
        if len(votes) > 1 and verdict is Verdict.LABEL:
            several[sample_id] = [vote for vote in votes if vote.verdict is Verdict.LABEL]
    labels = consensus_labels(list(several.values()), batch.classes, batch.task)
    return agreed | {each: (Verdict.LABEL, label) for each, label in zip(several, labels, strict=True)}


def consensus_labels(votes: Sequence[Sequence[Vote]], classes: Sequence[str], task: Task) -> list[Label]:
    """Return one label for each sample from the votes on it, at least one each.

    >>> votes = [[Vote(p, 0, 0, p, Verdict.LABEL, label) for p, label in zip("abc", ("cat", "dog", "dog"))]]
    >>> consensus_labels(votes, ("cat", "dog"), Task.MULTICLASS)
    ['dog']
    """
    people = sorted({vote.person for row in votes for vote in row})
    if not votes:
        return []
    table = np.full((len(votes), len(people), 1 if task is Task.MULTICLASS else len(classes)), -1, dtype=np.int64)
    for index, row in enumerate(votes):
        for vote in row:
            table[index, people.index(vote.person)] = encode([vote.label], classes, task)[0]
    if task is Task.MULTICLASS:
        return [classes[number] for number in crowdlab(table[:, :, 0], len(classes))[0].tolist()]
    applies = np.stack([crowdlab(table[:, :, number], 2)[0] for number in range(len(classes))], axis=1)
    return [tuple(name for name, yes in zip(classes, row, strict=True) if yes == 1) for row in applies.tolist()]

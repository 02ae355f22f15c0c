"""From votes to answers: the latest of each person on each sample, and what several say together. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from poolwise.core.types import Answer, Batch, Label, Task, encode
from poolwise.core.voting import Said, Vote
from poolwise.quality.consensus.crowdlab import crowdlab

VotesBySample = Mapping[int, Mapping[str, Vote]]
"""Sample -> person -> the vote that stands."""


def latest_votes(votes: Iterable[Vote]) -> dict[int, dict[str, Vote]]:
    """The latest vote of each person on each sample, without those taken back.

    >>> one = Vote("a", 0, 7, "ann", Said.LABEL, "cat")
    >>> latest_votes([one, Vote("b", 0, 7, "ann", Said.UNDO)]), list(latest_votes([one]))
    ({}, [7])
    """
    found: dict[int, dict[str, Vote]] = defaultdict(dict)
    for vote in votes:
        found[vote.sample_id].pop(vote.person, None)  # a later vote goes to the end: dicts keep their order
        if vote.said is not Said.UNDO:
            found[vote.sample_id][vote.person] = vote
    return {sample_id: rows for sample_id, rows in found.items() if rows}


def taken_back(votes: Iterable[Vote], round: int, redundancy: int) -> set[int]:
    """Samples of a round of which somebody took back what they said, and of which too few people speak since.

    >>> one, undone = Vote("a", 0, 7, "ann", Said.LABEL, "cat"), Vote("b", 0, 7, "ann", Said.UNDO)
    >>> taken_back([one, undone], 0, 1), taken_back([one, undone, one], 0, 1)
    ({7}, set())
    """
    mine = [vote for vote in votes if vote.round == round]
    last = {(vote.sample_id, vote.person): vote.said for vote in mine}
    rows = latest_votes(mine)
    return {at for (at, _), said in last.items() if said is Said.UNDO and len(rows.get(at, ())) < redundancy}


def aggregate(votes: Sequence[Vote], batch: Batch, redundancy: int) -> list[Answer]:
    """What the loop is told: this batch's answers, and corrections of earlier ones that came late.

    A sample is answered when `redundancy` people have spoken. Several votes become one label by CROWDLAB
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
        rows = latest_votes(by_round[round_])
        spoken = {at: row for at, row in rows.items() if len(row) >= (1 if round_ < 0 else redundancy)}
        for answer in _of_one_round(spoken, batch) if round_ >= 0 else _removed(spoken):
            before = latest.get(answer.sample_id)
            if before is None or answer.at >= before.at:
                latest[answer.sample_id] = answer
    return list(latest.values())


def _removed(rows: VotesBySample) -> list[Answer]:
    """Near-copies of which another was kept; those that stay are no news."""
    last = {at: max(votes.values(), key=lambda vote: vote.at) for at, votes in rows.items()}
    return [Answer(at, None, vote.person, True, vote.at) for at, vote in last.items() if vote.said is Said.REMOVE]


def _of_one_round(rows: VotesBySample, batch: Batch) -> list[Answer]:
    several = {at: list(votes.values()) for at, votes in rows.items() if len(votes) > 1}
    agreed = _agreed(several, batch)
    found = []
    for sample_id, votes in rows.items():
        cast = list(votes.values())
        said, label = agreed[sample_id] if sample_id in agreed else (cast[0].said, cast[0].label)
        names = ", ".join(sorted(votes))[:200]
        found.append(Answer(sample_id, label, names, said is Said.REMOVE, max(vote.at for vote in cast)))
    return found


def _agreed(rows: Mapping[int, list[Vote]], batch: Batch) -> dict[int, tuple[Said, Label]]:
    """What several people say of each sample; more "cannot tell" or "remove" than labels stand as such."""
    labelled = {at: [vote for vote in votes if vote.said is Said.LABEL] for at, votes in rows.items()}
    found: dict[int, tuple[Said, Label]] = {}
    for at, votes in rows.items():
        counts = {kind: sum(vote.said is kind for vote in votes) for kind in Said}
        most = max((Said.LABEL, Said.CANNOT_TELL, Said.REMOVE), key=lambda kind: counts[kind])
        found[at] = (most, None)
    ids = [at for at in rows if found[at][0] is Said.LABEL]
    labels = consensus_labels([labelled[at] for at in ids], batch.classes, batch.task)
    return found | {at: (Said.LABEL, label) for at, label in zip(ids, labels, strict=True)}


def consensus_labels(votes: Sequence[Sequence[Vote]], classes: Sequence[str], task: Task) -> list[Label]:
    """One label for each sample from the votes on it, at least one each.

    >>> votes = [[Vote(p, 0, 0, p, Said.LABEL, label) for p, label in zip("abc", ("cat", "dog", "dog"))]]
    >>> consensus_labels(votes, ("cat", "dog"), Task.MULTICLASS)
    ['dog']
    """
    people = sorted({vote.person for row in votes for vote in row})
    if not votes:
        return []
    table = np.full((len(votes), len(people), 1 if task is Task.MULTICLASS else len(classes)), -1, dtype=np.int64)
    for at, row in enumerate(votes):
        for vote in row:
            table[at, people.index(vote.person)] = encode([vote.label], classes, task)[0]
    if task is Task.MULTICLASS:
        return [classes[at] for at in crowdlab(table[:, :, 0], len(classes))[0].tolist()]
    applies = np.stack([crowdlab(table[:, :, at], 2)[0] for at in range(len(classes))], axis=1)
    return [tuple(name for name, yes in zip(classes, row, strict=True) if yes == 1) for row in applies.tolist()]

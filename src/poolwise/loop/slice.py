"""What the random slice of each batch says: how right the model is on the pool, and whether choosing paid.

Both without bias, as nothing but chance decided which samples are in the slice (`candidates.random_share`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.ledger.state import RoundState, RunState
from poolwise.loop.parts import Parts
from poolwise.loop.samples import training_set
from poolwise.seeds import derive, generator
from poolwise.types import Ask, Ids, Label, LabelledSet, Need, Task

FOLDS = 5
FEWEST = 20
"""Labelled samples in the slice below which regret would be noise."""
LEVEL = 1.6449
"""Standard errors on each side of a 90 % interval."""


def slice_facts(round_: RoundState) -> dict[str, float]:
    """How often the model was right about the slice before it learnt it: its accuracy on the unlabelled pool."""
    told = [_agree(ask, label) for ask, label in zip(round_.asks, round_.labels, strict=False) if _drawn(ask, label)]
    return {"slice_accuracy": float(np.mean(told)), "slice_asked": float(len(told))} if told else {}


def regret(state: RunState, parts: Parts) -> dict[str, float]:
    """What was lost, or won, by choosing rather than drawing: accuracy with drawn labels less that with chosen ones.

    Two models for each of five folds of the slice, both from the starting labels: one is given the other four folds, one
    as many chosen labels, evenly over the rounds. Both are tested on the fold.

    Returns:
        `regret` with a 90 % interval (`low`, `high`; paired by sample), the accuracies `drawn` and `chosen`, how many
        `labels` each model had and on how many samples they were `tested`. Empty with fewer than 20 samples in the slice.
    """
    labelled = training_set(state, parts.images.manifest)
    drawn, chosen = _later(state, labelled, random=True), _later(state, labelled, random=False)
    start = np.setdiff1d(labelled.ids, np.concatenate([drawn, chosen]))
    if len(drawn) < FEWEST or not len(chosen):
        return {}
    folds = np.array_split(generator(parts.settings.seed, 0, "regret").permutation(drawn), FOLDS)
    count = min(min(len(drawn) - len(fold) for fold in folds), len(chosen))
    even = chosen[np.linspace(0, len(chosen) - 1, count).round().astype(np.int64)]
    right: list[NDArray[np.float64]] = []
    for at, fold in enumerate(folds):
        rest = np.concatenate([other for place, other in enumerate(folds) if place != at])[:count]
        arms = [_right(np.concatenate([start, part]), fold, labelled, parts) for part in (rest, even)]
        right.append(np.stack(arms, axis=1))
        parts.display.progress("regret", at + 1, FOLDS)
    table = np.concatenate(right)
    lost = table[:, 0] - table[:, 1]
    error = LEVEL * float(lost.std(ddof=1)) / np.sqrt(len(lost))
    mean = float(lost.mean())
    return {
        "regret": mean,
        "low": mean - error,
        "high": mean + error,
        "drawn": float(table[:, 0].mean()),
        "chosen": float(table[:, 1].mean()),
        "labels": float(len(start) + count),
        "tested": float(len(lost)),
    }


def _drawn(ask: Ask, label: Label) -> bool:
    return bool(ask.details.get("random_slice")) and label is not None and ask.probability is not None


def _agree(ask: Ask, label: Label) -> bool:
    return ask.suggestion == label if isinstance(label, str) else set(ask.suggestion or ()) == set(label or ())


def _later(state: RunState, labelled: LabelledSet, *, random: bool) -> Ids:
    """Labelled samples of all rounds but the first, in the order asked, from the slice or not."""
    asked = [
        ask.sample_id
        for round_ in state.rounds[1:]
        for ask in round_.asks
        if bool(ask.details.get("random_slice")) is random
    ]
    ids = np.array(asked, dtype=np.int64)
    return ids[np.isin(ids, labelled.ids)]


def _right(train: Ids, test: Ids, labelled: LabelledSet, parts: Parts) -> NDArray[np.float64]:
    """(n,) 1 where a model trained on some labelled samples is right about others."""
    ids = np.sort(train)
    known = LabelledSet(ids, labelled.labels[np.searchsorted(labelled.ids, ids)])
    seed = derive(parts.settings.seed, 0, "regret")
    model = parts.learner.fit(parts.images, known, None, seed=seed)
    order = np.sort(test)
    probs = model.predict(parts.images, order, Need.PROBS, seed=seed).probs
    assert probs is not None
    truth = labelled.labels[np.searchsorted(labelled.ids, order)]
    if parts.images.manifest.task is Task.MULTILABEL:
        return np.asarray(((probs >= 0.5) == (truth == 1)).all(axis=1), dtype=np.float64)
    return np.asarray(probs.argmax(axis=1) == truth, dtype=np.float64)

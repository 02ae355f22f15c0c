"""What the random slice of each batch says: how right the model is on the pool, and whether choosing paid.

How right it is, without bias: nothing but chance decided which samples are in the slice (`candidates.random_share`), and
the model had not learnt them. Whether choosing paid is measured on the held-out set and not on the slice: a strategy
stays away from what is labelled, the slice included, so that models of its picks would fail on the slice in particular.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolwise.core.seeds import derive
from poolwise.core.types import Ids, LabelledSet, Need, Task
from poolwise.jobs.loop.parts import Parts
from poolwise.jobs.samples import test_set, training_set, validation_set
from poolwise.ledger.state import RunState

FEWEST = 20
"""Labelled samples in the slice, and of the held-out set, below which regret would be noise."""
LEVEL = 1.6449
"""Standard errors on each side of a 90 % interval."""


def regret(state: RunState, parts: Parts) -> dict[str, float]:
    """Return what was lost, or won, by choosing rather than drawing: accuracy with drawn labels less that with chosen ones.

    Two models, both from the starting labels: one is given the slice, one as many chosen labels, the first that were
    asked for. Both are tested on the held-out set, which no strategy ever saw.

    What remains: a later slice is drawn from what choosing left over, so with a budget that is a large part of the pool
    the drawn labels are no longer those of random drawing. The picks were made by models that had learnt the slice as
    well. And the interval is that of drawing the held-out set: what another slice, or another seed of training, would
    have changed is not in it.

    Returns:
        `regret` with a 90 % interval (`low`, `high`; paired by sample), the accuracies `drawn` and `chosen`, how many
        `labels` each model had and on how many samples they were `tested`. Empty without a held-out set (a test split,
        or `test_size`) of 20 samples, or with fewer than 20 in the slice.
    """
    manifest = parts.images.manifest
    labelled, test = training_set(state, manifest), test_set(state, manifest)
    start, drawn, chosen = _origins(state, labelled)
    if len(test) < FEWEST or len(drawn) < FEWEST or not len(chosen):
        return {}
    count = min(len(drawn), len(chosen))
    table = np.empty((len(test), 2))
    for at, part in enumerate((drawn, chosen)):
        table[:, at] = _right(np.concatenate([start, part[:count]]), labelled, test, state, parts)
        parts.display.progress("regret", at + 1, 2)
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


def _origins(state: RunState, labelled: LabelledSet) -> tuple[Ids, Ids, Ids]:
    """Return labelled samples of the start, of the slices of later rounds, and chosen then; each in the order asked."""
    later: dict[int, bool] = {}
    for round_ in state.rounds[1:]:
        for ask in round_.asks:
            later.pop(ask.sample_id, None)  # asked again, after it was left unanswered: the last time counts
            later[ask.sample_id] = bool(ask.details.get("random_slice"))
    known = set(labelled.ids.tolist())
    drawn, chosen = (
        [one for one, random in later.items() if random is kind and one in known] for kind in (True, False)
    )
    start = labelled.ids[~np.isin(labelled.ids, [*drawn, *chosen])]
    return start, np.array(drawn, dtype=np.int64), np.array(chosen, dtype=np.int64)


def _right(train: Ids, labelled: LabelledSet, test: LabelledSet, state: RunState, parts: Parts) -> NDArray[np.float64]:
    """Return (n,) 1 where a model trained on some of the labelled samples is right about one of the test set."""
    manifest = parts.images.manifest
    ids = np.sort(train)
    known = LabelledSet(ids, labelled.labels[np.searchsorted(labelled.ids, ids)])
    seed = derive(parts.settings.seed, 0, "regret")
    model = parts.learner.fit(parts.images, known, validation_set(state, manifest), seed=seed)
    probs = model.predict(parts.images, test.ids, Need.PROBS, seed=seed).probs
    assert probs is not None
    if manifest.task is Task.MULTILABEL:
        return np.asarray(((probs >= 0.5) == (test.labels == 1)).all(axis=1), dtype=np.float64)
    return np.asarray(probs.argmax(axis=1) == test.labels, dtype=np.float64)

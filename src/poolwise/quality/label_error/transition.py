"""Transition between classes and labels, from labels of nearest neighbours alone (Zhu, Song and Liu 2021, HOC).

A sample and its two nearest others are taken to be of one true class, and their labels to be three independent draws for
it. What labels come together then tells the prior of the true classes and the transition, with no model and no clean label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolwise.core.types import Floats
from poolwise.quality.label_error.neighbour_vote import voters
from poolwise.quality.label_error.self_confidence import Numbers, Quality

STEPS = 1000
SETTLED = 1e-6
"""Change of any rate in a step below which the estimate stands."""
LEAST = 1e-12


@dataclass(frozen=True, eq=False)
class Transition:
    """Rates at which classes are given other labels.

    Attributes:
        prior: (C,) shares of the true classes; sum to 1.
        rates: (C, C) probability of a given label (column) for a true class (row); rows sum to 1.
    """

    prior: Quality
    rates: Quality

    def wrong(self) -> float:
        """Return the share of the labels that are wrong.

        >>> Transition(np.array([0.5, 0.5]), np.array([[0.75, 0.25], [0.0, 1.0]])).wrong()
        0.125
        """
        return max(0.0, 1.0 - float(self.prior @ self.rates.diagonal()))

    def true_of_given(self) -> Quality:
        """Return (C, C) probability of a true class (column) for a given label (row), by Bayes; even where a label never comes.

        >>> Transition(np.array([0.5, 0.5]), np.array([[0.75, 0.25], [0.0, 1.0]])).true_of_given().tolist()
        [[1.0, 0.0], [0.2, 0.8]]
        """
        both = (self.prior[:, None] * self.rates).T
        total = both.sum(axis=1, keepdims=True)
        return np.asarray(np.where(total > 0, both / np.where(total > 0, total, 1), 1 / len(both)))


def triples(
    labels: Numbers, embeddings: Floats, classes: int, groups: Numbers | None = None
) -> tuple[Quality, Quality]:
    """Return what labels a sample and its two nearest others have together.

    Args:
        labels: (N,) given class numbers.
        embeddings: (N, D); near by angle.
        classes: C.
        groups: (N,) duplicate groups, -1 for none: copies of one picture are no independent draws, so a group comes once.

    Returns:
        (U, C) how often each class is in a triple, for every kind of triple there is, rows sum to 3; and (U,) how many
        samples are of that kind. Samples without two such neighbours are left out.
    """
    codes = []
    for rows, which, weights in voters(labels, embeddings, 2, groups):
        order = np.argsort(weights <= 0, axis=1, kind="stable")[:, :2]
        if order.shape[1] < 2:
            break
        full = (np.take_along_axis(weights, order, axis=1) > 0).all(axis=1)
        three = np.column_stack([labels[rows], labels[np.take_along_axis(which, order, axis=1)]])[full]
        codes.append(np.sort(three, axis=1) @ np.array([classes**2, classes, 1]))
    kinds, counts = np.unique(np.concatenate([*codes, np.empty(0, dtype=np.int64)]), return_counts=True)
    members = np.stack([kinds // classes**2, kinds // classes % classes, kinds % classes], axis=1).astype(np.int64)
    return (members[:, :, None] == np.arange(classes)).sum(axis=1).astype(np.float64), counts.astype(np.float64)


def estimated(kinds: Quality, counts: Quality, start: Transition | None = None, steps: int = STEPS) -> Transition:
    """Return the prior and the rates under which triples as these are most likely.

    HOC matches the first, second and third moments of the three labels by gradient steps. This is the same model and the
    same triples by maximum likelihood (expectation and maximisation): no learning rate, and it never gets worse.

    Args:
        kinds: (U, C) from `triples`.
        counts: (U,) of each kind.
        start: where to start from; without, from labels that are right seven times in ten.
        steps: at most.

    >>> found = estimated(np.array([[3.0, 0.0], [0.0, 3.0]]), np.array([30.0, 10.0]))      # they always agree
    >>> found.prior.round(3).tolist(), found.rates.round(3).tolist()
    ([0.75, 0.25], [[1.0, 0.0], [0.0, 1.0]])
    """
    classes = kinds.shape[1]
    first = counts @ kinds / max(1.0, 3 * counts.sum())
    prior, rates = first, 0.7 * np.eye(classes) + 0.3 / classes
    if start is not None:
        prior, rates = start.prior, start.rates
    for _ in range(steps if len(counts) else 0):
        posterior = np.log(np.maximum(prior, LEAST)) + kinds @ np.log(np.maximum(rates, LEAST)).T
        posterior = np.exp(posterior - posterior.max(axis=1, keepdims=True))
        posterior *= (counts / posterior.sum(axis=1))[:, None]
        held = posterior.T @ kinds
        total = held.sum(axis=1, keepdims=True)
        new = np.where(total > 0, held / np.where(total > 0, total, 1), np.eye(classes))
        change, rates, prior = np.abs(new - rates).max(), new, posterior.sum(axis=0) / counts.sum()
        if change < SETTLED:
            break
    return Transition(prior, rates)


def wrong_share(
    kinds: Quality, counts: Quality, rng: np.random.Generator, draws: int = 20
) -> tuple[float, float, float]:
    """Return the share of wrong labels, with a 90 % interval for what the sample may differ by chance.

    Triples overlap: a third as many are drawn anew as there are. That neighbours are of one class is not put in doubt, so
    classes that overlap make all three too high.
    """
    if not len(counts):
        return 0.0, 0.0, 1.0
    best, size = estimated(kinds, counts), max(1, int(counts.sum() / 3))
    again = [rng.multinomial(size, counts / counts.sum()).astype(np.float64) for _ in range(draws)]
    spread = 1.6449 * float(np.std([estimated(kinds, some, best, 60).wrong() for some in again]))
    return best.wrong(), max(0.0, best.wrong() - spread), min(1.0, best.wrong() + spread)

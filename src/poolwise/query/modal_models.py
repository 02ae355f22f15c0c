"""What modAL takes for a model: arrays that answer as a fitted classifier would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats


class StoredClassifier:
    """A classifier whose input (n, C) is its answer."""

    def predict_proba(self, rows: Floats) -> Floats:
        """(n, C) probabilities: what came."""
        return rows

    def predict(self, rows: Floats) -> NDArray[np.int64]:
        """(n, C) of 0 and 1: the labels at one half or above. Only `modAL.multilabel` asks."""
        return (rows >= 0.5).astype(np.int64)


class StoredCommittee:
    """A committee whose input (n, K, C) is what its K members answer."""

    def __init__(self, probs_nkc: Floats) -> None:
        self.members = int(probs_nkc.shape[1])
        self.classes_ = np.arange(probs_nkc.shape[2])

    def __len__(self) -> int:
        return self.members

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.members))

    def vote(self, rows: Floats) -> NDArray[np.int64]:
        """(n, K) class numbers."""
        return np.asarray(rows.argmax(axis=2))

    def vote_proba(self, rows: Floats) -> Floats:
        """(n, K, C) probabilities: what came."""
        return rows

    def predict_proba(self, rows: Floats) -> Floats:
        """(n, C): the members' mean."""
        return np.asarray(rows.mean(axis=1))


class StoredBatch:
    """A learner for ranked batches: its input (n, D) are the candidates' embeddings, their probabilities are stored."""

    on_transformed = False

    def __init__(self, probs: Floats, labelled_embeddings: Floats) -> None:
        self.probs = probs
        self.X_training = labelled_embeddings

    def predict_proba(self, rows: Floats) -> Floats:
        """(n, C) probabilities of the candidates."""
        return self.probs


class StoredMachines:
    """One machine a label, whose input (n, C) holds the distances to all their boundaries."""

    def __init__(self, labels: int) -> None:
        self.estimator = self  # modAL looks for the machines inside the learner's estimator
        self.estimators_ = [_Machine(at) for at in range(labels)]


class _Machine:
    def __init__(self, label: int) -> None:
        self.label = label

    def decision_function(self, rows: Floats) -> NDArray[Any]:
        """(n,) signed distances."""
        return rows[:, self.label]

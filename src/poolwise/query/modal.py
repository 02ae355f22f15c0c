"""Query functions of modAL, run on stored arrays: small classes answer from them as fitted models would."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import ConfigError
from poolwise.core.types import Floats, Need, PoolView, Task
from poolwise.query.modal_functions import find_function, known
from poolwise.query.strategy import Picks, Strategy, required

COLD_START = 2000
"""Candidates among which modAL looks for a first sample when nothing is labelled: it compares all pairs."""
SMALLEST = 1e-36
"""Below this a probability becomes 0: a mean over members could underflow, and its divergence would be infinite."""
Selection = tuple[NDArray[np.int64], "NDArray[Any] | None"]
"""Rows as modAL picked them, and the values it measured of them."""


@dataclass(frozen=True)
class Modal(Strategy):
    """Ask modAL (Danka and Horvath 2018) by the dotted name of one of its query functions.

    Attributes:
        function: within modAL; `modal_functions.WORKING` holds those that work, and decides `needs` and `tasks`.
        arguments: further arguments of the function, e.g. {"metric": "cosine"} for ranked batches.
    """

    function: str = "modAL.uncertainty.entropy_sampling"
    arguments: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.arguments, Mapping):
            raise ConfigError(
                f"query.arguments is {self.arguments!r}; it must map names to values, e.g. {{metric: cosine}}."
            )
        find_function(self.function, self.arguments)  # now rather than after people have labelled the first batch

    @property
    def needs(self) -> Need:
        """What the function looks at."""
        return known(self.function).needs

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What the function is meant for."""
        return known(self.function).tasks

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        order = rng.permutation(len(view))  # modAL takes the first of equals, or draws from the global generator
        try:
            rows, values = self._method()(view, order, size)
        except Exception as error:  # arguments that only modAL can judge, and defects of its own
            raise ConfigError(
                f"{self.function} failed: {error}. Choose other arguments or another function."
            ) from error
        if len(set(rows.tolist())) != size:
            raise ConfigError(f"{self.function} gave fewer than {size} distinct samples; choose another function.")
        if values is None or self._is_ranked():
            return Picks(order[rows], 1 - np.arange(size) / size, self._sentences(values, size))
        scores = known(self.function).sign * values
        best = np.argsort(-scores, kind="stable")
        return Picks(order[rows[best]], scores[best], self._sentences(values[best], size))

    def _is_ranked(self) -> bool:
        return Need.EMBEDDINGS in self.needs

    def _method(self) -> Callable[[PoolView, NDArray[np.int64], int], Selection]:
        if self._is_ranked():
            return self._ranked
        if Need.DRAWS in self.needs:
            return self._by_committee
        return self._by_machines if self.function.endswith("SVM_binary_minimum") else self._by_probs

    def _by_probs(self, view: PoolView, order: NDArray[np.int64], size: int) -> Selection:
        return self._call(_Classifier(), required(view.probs)[order], n_instances=size)

    def _by_committee(self, view: PoolView, order: NDArray[np.int64], size: int) -> Selection:
        probs = required(view.log_probs_nkc)[order]
        np.exp(probs, out=probs)
        probs[probs < SMALLEST] = 0
        return self._call(_Committee(probs), probs, n_instances=size)

    def _by_machines(self, view: PoolView, order: NDArray[np.int64], size: int) -> Selection:
        """Ask for one sample a call, as this function gives no more; 2 q - 1 stands for the distance to a boundary."""
        distances = 2 * required(view.probs)[order] - 1
        rows = np.empty(size, dtype=np.int64)
        for number in range(size):
            rows[number] = self._call(_Machines(distances.shape[1]), distances)[0][0]
            distances[rows[number]] = np.inf  # never the nearest again
        return rows, None

    def _ranked(self, view: PoolView, order: NDArray[np.int64], size: int) -> Selection:
        """Ask for the first sample alone where nothing is labelled: modAL's own may come twice and compares all pairs."""
        embeddings, probs = required(view.embeddings)[order], required(view.probs)[order]
        if view.labelled_embeddings is not None:
            return self._call(_RankedLearner(probs, view.labelled_embeddings), embeddings, n_instances=size)
        first = _central(embeddings[:COLD_START], self.arguments)
        rest = np.delete(np.arange(len(order)), first)
        start, unsure = embeddings[first][None], 1 - probs[first].max()
        if size == 1:
            return np.array([first]), np.array([unsure])
        rows, values = self._call(_RankedLearner(probs[rest], start), embeddings[rest], n_instances=size - 1)
        return np.append(first, rest[rows]), None if values is None else np.append(unsure, values)

    def _call(self, model: Any, pool: Floats, **size: int) -> Selection:
        """Ask modAL, its global generator left alone."""
        function = find_function(self.function, self.arguments)
        fixed = {"random_tie_break": False} if "random_tie_break" in inspect.signature(function).parameters else {}
        answer = function(model, pool, **size, **fixed, **self.arguments)
        rows, values = answer if isinstance(answer, tuple) else (answer, None)
        return np.atleast_1d(np.asarray(rows, dtype=np.int64)), None if values is None else np.ravel(values)

    def _sentences(self, values: NDArray[Any] | None, size: int) -> list[str]:
        places = [f"number {place} of {self.function}" for place in range(1, size + 1)]
        if values is None:
            return places
        return [f"{place}, at {value:.3g}" for place, value in zip(places, values, strict=True)]


def _central(embeddings: Floats, arguments: Mapping[str, Any]) -> int:
    """Return the row with the smallest mean distance to all, by modAL's own function."""
    from modAL.batch import select_cold_start_instance

    row, _ = select_cold_start_instance(embeddings, arguments.get("metric", "euclidean"), arguments.get("n_jobs"))
    return int(row)


class _Classifier:
    """A classifier whose input (n, C) is its answer."""

    def predict_proba(self, rows: Floats) -> Floats:
        return rows

    def predict(self, rows: Floats) -> NDArray[np.int64]:
        return (rows >= 0.5).astype(np.int64)  # only `modAL.multilabel` asks


class _Committee:
    """A committee whose input (n, K, C) is what its K members answer."""

    def __init__(self, probs_nkc: Floats) -> None:
        self.members = int(probs_nkc.shape[1])
        self.classes_ = np.arange(probs_nkc.shape[2])

    def __len__(self) -> int:
        return self.members

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.members))

    def vote(self, rows: Floats) -> NDArray[np.int64]:
        return np.asarray(rows.argmax(axis=2))

    def vote_proba(self, rows: Floats) -> Floats:
        return rows

    def predict_proba(self, rows: Floats) -> Floats:
        return np.asarray(rows.mean(axis=1))


class _RankedLearner:
    """A learner for ranked batches: its input (n, D) are the candidates' embeddings, their probabilities are stored."""

    on_transformed = False

    def __init__(self, probs: Floats, labelled_embeddings: Floats) -> None:
        self.probs = probs
        self.X_training = labelled_embeddings

    def predict_proba(self, _: Floats) -> Floats:
        return self.probs


class _Machines:
    """One machine a label, whose input (n, C) holds the distances to all their boundaries."""

    def __init__(self, labels: int) -> None:
        self.estimator = self  # modAL looks for the machines inside the learner's estimator
        self.estimators_ = [_Machine(label) for label in range(labels)]


class _Machine:
    def __init__(self, label: int) -> None:
        self.label = label

    def decision_function(self, rows: Floats) -> NDArray[Any]:
        return rows[:, self.label]

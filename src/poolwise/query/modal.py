"""Any query function of modAL, run on a table of probabilities instead of a model."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from poolwise.errors import ConfigError
from poolwise.query.picks import Picks, answer, required
from poolwise.types import Floats, Need, PoolView, Query

PREFIX = "modAL."


@dataclass(frozen=True)
class Modal:
    """Ask modAL (Danka and Horvath 2018) by the dotted name of one of its functions.

    Functions that ask no more of a model than `predict_proba` work: all of `modAL.uncertainty`, and of
    `modAL.multilabel` those that score confidence.

    Attributes:
        function: within modAL, called as function(classifier, X, n_instances=B).
    """

    function: str = "modAL.uncertainty.entropy_sampling"

    needs: ClassVar[Need] = Need.PROBS

    def __post_init__(self) -> None:
        find_function(self.function)  # now rather than after people have labelled the first batch

    def select(self, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Exactly `size` distinct ids of the view. Raises ConfigError, PoolExhausted, InvalidArray."""
        return answer(self._pick, self.needs, view, size, rng)

    def _pick(self, view: PoolView, size: int, rng: np.random.Generator) -> Picks:
        order = rng.permutation(len(view))  # modAL takes the first of equals, or draws from the global generator
        probs = required(view.probs)[order]
        rows, scores = _asked(find_function(self.function), self.function, probs, size)
        told = f"picked by {self.function}"
        sentences = [told if score is None else f"{told} at {score:.3g}" for score in scores]
        numbers = np.array([0.0 if score is None else score for score in scores], dtype=np.float32)
        return Picks(order[rows], numbers, sentences)


class Stored:
    """A classifier whose input is its answer."""

    def predict_proba(self, rows: Floats, **_: Any) -> Floats:
        """(n, C) probabilities: what came."""
        return rows


def find_function(name: str) -> Callable[..., Any]:
    """The function of modAL called `name`.

    Raises:
        ConfigError: outside modAL, or not to be imported.
    """
    if not name.startswith(PREFIX):
        raise ConfigError(f"query.function is {name!r}; it must begin with {PREFIX!r}, e.g. {Modal.function!r}.")
    module, _, attribute = name.rpartition(".")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # modAL and what it imports warn of their own old ways
            found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # parts of modAL raise all kinds of errors beside newer libraries
        raise ConfigError(f"query.function {name!r} cannot be imported: {error}. Is modAL-python installed?") from error
    return found


def _asked(function: Callable[..., Any], name: str, probs: Floats, size: int) -> tuple[Any, list[float | None]]:
    """Rows and, where modAL tells them, scores."""
    try:
        found = function(Stored(), probs, n_instances=size)
    except Exception as error:
        raise ConfigError(f"{name} cannot work from probabilities alone: {error}. Choose another function.") from error
    rows, scores = found if isinstance(found, tuple) else (found, None)
    rows = np.atleast_1d(np.asarray(rows))
    if rows.dtype.kind not in "iu" or len(np.unique(rows)) != size or len(rows) != size:
        raise ConfigError(f"{name} did not give {size} distinct samples; choose another function.")
    if scores is None or np.size(scores) != size:
        return rows, [None] * size
    return rows, [float(score) for score in np.ravel(scores)]

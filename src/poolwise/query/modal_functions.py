"""Query functions of modAL: those that work on stored arrays, and those that cannot and why."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from poolwise.core.errors import ConfigError, listed
from poolwise.core.types import Need, Task

PREFIX = "modAL."
ONE_CLASS, ANY_LABELS = (Task.MULTICLASS,), (Task.MULTILABEL,)
RANKED = Need.PROBS | Need.EMBEDDINGS | Need.LABELLED_EMBEDDINGS
OURS = frozenset({"n_instances", "random_tie_break"})
"""Arguments that are not the user's: the batch size is the loop's, ties are broken by the run's own generator."""


@dataclass(frozen=True)
class Known:
    """A query function of modAL that works here.

    Attributes:
        needs: what it looks at.
        tasks: for which it is meant.
        sign: +1 where it picks the largest of what it measures, -1 where the smallest.
    """

    needs: Need = Need.PROBS
    tasks: tuple[Task, ...] = ONE_CLASS
    sign: int = 1


WORKING: Mapping[str, Known] = {
    "modAL.uncertainty.uncertainty_sampling": Known(),
    "modAL.uncertainty.margin_sampling": Known(sign=-1),
    "modAL.uncertainty.entropy_sampling": Known(),
    "modAL.disagreement.vote_entropy_sampling": Known(Need.DRAWS),
    "modAL.disagreement.consensus_entropy_sampling": Known(Need.DRAWS),
    "modAL.disagreement.max_disagreement_sampling": Known(Need.DRAWS),
    "modAL.batch.uncertainty_batch_sampling": Known(RANKED),
    "modAL.multilabel.SVM_binary_minimum": Known(tasks=ANY_LABELS, sign=-1),
    "modAL.multilabel.min_confidence": Known(tasks=ANY_LABELS, sign=-1),
    "modAL.multilabel.avg_confidence": Known(tasks=ANY_LABELS),
    "modAL.multilabel.max_score": Known(tasks=ANY_LABELS),
    "modAL.multilabel.avg_score": Known(tasks=ANY_LABELS),
}

_LOSS = (
    "takes hard predictions where Li et al. (2004) take distances, so that it counts predicted labels, and fails on "
    "modAL's own ActiveLearner; use query=mmc or query=bin_min"
)
REFUSED: Mapping[str, str] = {
    "modAL.multilabel.max_loss": _LOSS,
    "modAL.multilabel.mean_max_loss": _LOSS,
    "modAL.disagreement.max_std_sampling": "is for regression; use query=entropy",
    "modAL.expected_error": "trains a model for every candidate and class, and cannot be imported beside numpy 1.24 or "
    "later; use query=badge",
    "modAL.dropout": "runs skorch networks only, and needs `pkg_resources`, which new setuptools lacks; use query=bald, "
    "query=mean_std or query=variation_ratio, on the draws of any learner",
    "modAL.cluster": "is a stub without code; use query=k_means",
    "modAL.acquisition": "is for Bayesian optimisation; use query=margin",
    "modAL.density": "measures and does not choose, over a matrix of all pairs of the pool; use "
    "query=information_density",
    "modAL.batch": "is a part of ranked batches; use function=modAL.batch.uncertainty_batch_sampling",
}
"""By function, or by module: why not, and what instead."""


def known(name: str) -> Known:
    """Return how to run the query function `name` of modAL.

    Raises:
        ConfigError: outside modAL, not a query function, or one that cannot work; says why and what to use instead.
    """
    if not name.startswith(PREFIX):
        raise ConfigError(f"query.function is {name!r}; it must begin with {PREFIX!r}, e.g. {next(iter(WORKING))!r}.")
    if name in WORKING:
        return WORKING[name]
    why = REFUSED.get(name) or REFUSED.get(name.rpartition(".")[0])
    if why:
        raise ConfigError(f"query.function {name!r} {why}.")
    raise ConfigError(
        f"query.function {name!r} is not a query function of modAL that works here; these are: {_names()}."
    )


def find_function(name: str, arguments: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the query function `name` of modAL, which takes these arguments.

    Raises:
        ConfigError: as `known`; modAL is not installed; arguments that the function does not have.
    """
    known(name)
    module, _, attribute = name.rpartition(".")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # modAL and what it imports warn of their own old ways
            function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # parts of modAL raise all kinds of errors beside newer libraries
        raise ConfigError(f"query.function {name!r} cannot be imported: {error}. Is modAL-python installed?") from error
    free = options_of(function)
    wrong = [key for key in arguments if key not in free]
    if wrong:
        raise ConfigError(
            f"query.arguments.{wrong[0]} is not for {name}; it takes: {listed(free, most=20) or 'no arguments'}. "
            "The number of samples is query_size; ties are always broken at random."
        )
    return function


def options_of(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments of a query function that are the user's to give."""
    parameters = list(inspect.signature(function).parameters.values())[2:]  # after the model and the pool
    return [each.name for each in parameters if each.name not in OURS and each.kind is not each.VAR_KEYWORD]


def _names() -> str:
    return listed((name.removeprefix(PREFIX) for name in WORKING), most=20)

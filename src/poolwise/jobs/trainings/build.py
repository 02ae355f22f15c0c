"""From a resolved configuration to trained models: in this process, or each in one of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import ImageSource, Learner
from poolwise.core.parallel import HERE
from poolwise.core.parts import TARGET, build_part
from poolwise.jobs.trainings.fits import Fit, fit_and_score


def images_of(node: Any, trusted: Sequence[str]) -> Any:
    """Return the pictures with all labels that are given."""
    images = build_part(node, where="data", trusted=trusted, kind=ImageSource)
    return replace(images, hide_labels=False)


def find_here(trusted: Sequence[str]) -> None:
    """Have a trusted package in the current folder found, as `python -m` does."""
    if trusted and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


def member_of(node: Any, where: str, *, data: Any, trainer: Any, trusted: Sequence[str]) -> dict[str, Any]:
    """Return settings of pictures and learner, all that a worker needs.

    Raises:
        ConfigError: no learner, or none that can be built; told before any process begins.
    """
    if not isinstance(node, Mapping) or TARGET not in node:
        raise ConfigError(f"{where} is no learner; name one of the group model, e.g. {_example(where)}.")
    whole = {**node, "trainer": node.get("trainer") or trainer}
    build_part(whole, where=where, trusted=trusted, kind=Learner)
    return {"data": data, "model": whole, "trusted": list(trusted)}


def _example(where: str) -> str:
    return "model=small_cnn" if where == "model" else f"+model@{where}=linear_head"


def work_of(images: ImageSource, jobs: int, trusted: Sequence[str]) -> Callable[[Fit], None]:
    """Return what trains a model: in this process with these pictures, or in one of several from its settings alone."""
    if jobs != HERE:
        return fit_anew

    def here(fit: Fit) -> None:
        fit_and_score(fit, images, build_part(fit.config["model"], where="model", trusted=trusted, kind=Learner))

    return here


def fit_anew(fit: Fit) -> None:
    """Build pictures and learner and train; called in a process of its own, whose libraries have one thread each."""
    import torch

    torch.set_num_threads(1)
    trusted = tuple(fit.config["trusted"])
    find_here(trusted)
    learner = build_part(fit.config["model"], where="model", trusted=trusted, kind=Learner)
    fit_and_score(fit, images_of(fit.config["data"], trusted), learner)

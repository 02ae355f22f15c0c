"""From a resolved configuration to trained models: in this process, or each in one of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
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


def settled(node: Mapping[str, Any], images: ImageSource, where: str, trusted: Sequence[str]) -> tuple[Any, str]:
    """Return the settings of the learner for these pictures, where a learner chooses by them, and why that one.

    Raises:
        ConfigError: it cannot be built.
    """
    learner: Learner = build_part(node, where=where, trusted=trusted, kind=Learner)
    option, why = learner.choice(images)
    return ({**node[option], "trainer": node[option].get("trainer") or node.get("trainer")} if option else node), why


def learner_and_pictures(
    node: Any, images: ImageSource, trusted: Sequence[str], cache: Path | None
) -> tuple[Learner, ImageSource]:
    """Build a learner, and bring the pictures to the form that it wants.

    Args:
        node: settings of the learner, as `settled` leaves them.
        images: the pictures.
        trusted: packages of the user's own.
        cache: folder of the jobs' cache, in which embeddings are kept; None: nowhere.
    """
    learner: Learner = build_part(node, where="model", trusted=trusted, kind=Learner)
    if cache is not None:
        learner = learner.keeping(cache / "embeddings")
    return learner, images if learner.transform is None else images.transformed(learner.transform)


def member_of(
    node: Any, where: str, *, data: Any, trainer: Any, trusted: Sequence[str], images: ImageSource
) -> dict[str, Any]:
    """Return settings of pictures and learner, all that a worker needs.

    Raises:
        ConfigError: no learner, or none that can be built; told before any process begins.
    """
    if not isinstance(node, Mapping) or TARGET not in node:
        raise ConfigError(f"{where} is no learner; name one of the group model, e.g. {_example(where)}.")
    whole = {**node, "trainer": node.get("trainer") or trainer}
    return {"data": data, "model": settled(whole, images, where, trusted)[0], "trusted": list(trusted)}


def _example(where: str) -> str:
    return "model=small_cnn" if where == "model" else f"+model@{where}=linear_head"


def work_of(images: ImageSource, jobs: int, trusted: Sequence[str], cache: Path) -> Callable[[Fit], None]:
    """Return what trains a model: in this process with these pictures, or in one of several from its settings alone."""
    if jobs != HERE:
        return partial(fit_anew, cache=cache)

    def here(fit: Fit) -> None:
        learner, pictures = learner_and_pictures(fit.config["model"], images, trusted, cache)
        fit_and_score(fit, pictures, learner)

    return here


def fit_anew(fit: Fit, cache: Path) -> None:
    """Build pictures and learner and train; called in a process of its own, whose libraries have one thread each."""
    import torch

    torch.set_num_threads(1)
    trusted = tuple(fit.config["trusted"])
    find_here(trusted)
    learner, images = learner_and_pictures(fit.config["model"], images_of(fit.config["data"], trusted), trusted, cache)
    fit_and_score(fit, images, learner)

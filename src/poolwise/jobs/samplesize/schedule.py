"""What is held constant from size to size in a sample-size experiment: optimiser steps, epochs, or the model's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poolwise.core.errors import ConfigError
from poolwise.jobs.samplesize.parts import Training

SCHEDULE = ("epochs", "min_steps", "max_steps", "batch_size")
"""Options of a learner that trains by steps."""
FEW = 100
"""Optimiser steps at the smallest size below which it is warned. With 10 to 30 steps (digits) forecasts were 5 to 7 points too
low, with 50 (Fashion-MNIST, MNIST) they held: experiments/sample_size."""


def held_constant(model: Mapping[str, Any], hold: str, steps: int | None, smallest: int, largest: int) -> Training:
    """Return the learner's settings, and sentences on what is the same for every size.

    Raises:
        ConfigError: hold=epochs without an epoch.

    >>> model = {"epochs": 5, "min_steps": 0, "max_steps": None, "batch_size": 10}
    >>> held_constant(model, "steps", None, 20, 100).config["max_steps"]
    50
    """
    if not all(name in model for name in SCHEDULE):
        return Training(model, "This model is solved to its end at every size: neither steps nor epochs are counted.")
    if hold == "steps":
        return _steps(model, steps, largest)
    changed = {**model, "min_steps": 0, "max_steps": None} if hold == "epochs" else dict(model)
    return _passes(changed, hold, smallest, largest)


def _steps(model: Mapping[str, Any], steps: int | None, largest: int) -> Training:
    many = steps or _planned(model, largest)
    held = (
        f"Held constant: {many:,} optimiser steps at every size"
        + ("" if steps else ", as many as the model's settings give the largest")
        + ", so that small sizes are passed over more often."
    )
    brief = f"All sizes are trained with {many:,} steps: with more labels, longer training may bring more than is told here."
    return Training({**model, "epochs": 0, "min_steps": many, "max_steps": many}, held, brief)


def _passes(model: Mapping[str, Any], hold: str, smallest: int, largest: int) -> Training:
    """Return the schedule of a model whose steps grow with its labels."""
    epochs, low, high = int(model["epochs"]), _planned(model, smallest), _planned(model, largest)
    if hold == "epochs":
        if epochs < 1:
            raise ConfigError(f"model.epochs is {epochs}; with hold=epochs every training needs one or more.")
        held = f"Held constant: {epochs} epochs at every size, so that small sizes are trained with fewer steps"
        brief = f"All sizes are trained for {epochs} epochs."
    else:
        held, brief = (
            "Every size is trained by the model's own settings",
            "All sizes are trained by the model's own settings.",
        )
    held = f"{held} ({low:,} at {smallest:,} labels, {high:,} at {largest:,})."
    return Training(model, held, brief, tuple(filter(None, (_few(low, smallest), _kinked(model, smallest, largest)))))


def _few(steps: int, smallest: int) -> str:
    if steps >= FEW:
        return ""
    return (
        f"The smallest size, {smallest:,} labels, gets {steps:,} optimiser steps: with fewer than {FEW} a network is hardly "
        "trained, and the forecast may be many points too low. Take hold=steps, more epochs (model.epochs=...) or larger sizes."
    )


def _kinked(model: Mapping[str, Any], smallest: int, largest: int) -> str:
    """Return where a bound of steps holds at one end of the curve and not at the other."""
    bounds = []
    free = {**model, "min_steps": 0, "max_steps": None}
    for name, word in (("min_steps", "at least"), ("max_steps", "at most")):
        bound = model[name]
        if bound and (_planned(free, smallest) < bound) != (_planned(free, largest) < bound):
            bounds.append(f"{word} {bound:,} steps (model.{name})")
    if not bounds:
        return ""
    asked = " and ".join(bounds)
    return f"The model's settings ask for {asked}, which some sizes feel and others do not: the curve may have a kink there."


def _planned(model: Mapping[str, Any], labels: int) -> int:
    from poolwise.model.training import planned_steps

    counts = (int(model["batch_size"]), int(model["epochs"]), int(model["min_steps"]), model["max_steps"])
    return planned_steps(labels, *counts)

"""Beginning a round from the last round's weights."""

from __future__ import annotations

import torch
from torch import nn

from poolwise.core.errors import ConfigError
from poolwise.core.types import WarmStart


def begin_from(fresh: nn.Module, previous: nn.Module, how: WarmStart, *, shrink: float, perturb: float) -> None:
    """Change the fresh weights in place.

    `continue` takes everything over, running statistics included. `shrink_perturb` (Ash and Adams 2020, section 4:
    theta = lambda * theta_previous + p) takes its noise p from the freshly initialised network itself, scaled, as the
    authors' code does: each kind of parameter is then disturbed on its own scale. Running statistics stay fresh.

    Args:
        fresh: a newly initialised network.
        previous: the last round's, of the same form.
        how: which of the three.
        shrink: lambda, on the last round's parameters.
        perturb: on the fresh parameters.

    Raises:
        ConfigError: networks of different forms.

    >>> new, old = nn.Linear(1, 1), nn.Linear(1, 1)
    >>> _ = nn.init.constant_(new.weight, 1.0), nn.init.constant_(old.weight, 2.0)
    >>> begin_from(new, old, WarmStart.SHRINK_PERTURB, shrink=0.4, perturb=0.1)
    >>> round(new.weight.item(), 3)
    0.9
    """
    if how is WarmStart.FRESH:
        return
    mine, theirs = fresh.state_dict(), previous.state_dict()
    if {name: value.shape for name, value in mine.items()} != {name: value.shape for name, value in theirs.items()}:
        raise ConfigError(
            f"model.warm_start={how.value} needs the last round's network to have the same form; the backbone or the "
            "classes have changed. Use model.warm_start=fresh."
        )
    if how is WarmStart.CONTINUE:
        fresh.load_state_dict(theirs)
        return
    parts = dict(previous.named_parameters())
    with torch.no_grad():
        for name, value in fresh.named_parameters():
            value.mul_(perturb).add_(parts[name].to(value.device), alpha=shrink)

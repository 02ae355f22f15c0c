"""The default model: a small network trained from scratch for small pictures, a pretrained one with a head for photographs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any

from poolwise.core.interfaces import ImageSource, Learner
from poolwise.model.frozen_head import FrozenLearner
from poolwise.model.learner import LightningLearner

SMALL = 64
"""Pixels a side below which a network for photographs sees little, and a small one trained from scratch does better."""


@dataclass(frozen=True, kw_only=True)
class AutoLearner(LightningLearner):
    """Looks at the pictures and takes one of two models; its own options are those of the small network.

    Attributes:
        photographs: the model for pictures of 64 pixels a side or more.
    """

    photographs: Annotated[Any, FrozenLearner]

    def settled(self, images: ImageSource) -> tuple[Learner, str]:
        """Return the model for these pictures, and a sentence on which and why."""
        side = min(images.shape[1:])
        if side < SMALL:
            own = {field.name: getattr(self, field.name) for field in dataclasses.fields(LightningLearner)}
            return LightningLearner(
                **own
            ), f"model: a small network trained from scratch, as pictures are {side} pixels a side"
        name = getattr(self.photographs.backbone, "name", type(self.photographs.backbone).__name__)
        return (
            self.photographs,
            f"model: {type(self.photographs).__name__} on frozen {name} features, as pictures have {SMALL} pixels a side or more",
        )

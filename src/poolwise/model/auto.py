"""The default model: a small network trained from scratch for small pictures, a pretrained one with a head for photographs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from poolwise.core.interfaces import ImageSource, Learner
from poolwise.model.learner import LightningLearner

SMALL = 64
"""Pixels a side below which a network for photographs sees little, and a small one trained from scratch does better."""


@dataclass(frozen=True, kw_only=True)
class AutoLearner(LightningLearner):
    """Looks at the pictures and takes one of two models; it is the small network itself.

    Attributes:
        photographs: the model for pictures of 64 pixels a side or more.
    """

    photographs: Annotated[Any, Learner]

    def choice(self, images: ImageSource) -> tuple[str, str]:
        """Return "photographs" for pictures of `SMALL` pixels a side or more, "" for smaller ones, and a sentence."""
        side = min(images.shape[1:])
        if side < SMALL:
            return "", f"model: a small network, trained from scratch, as the pictures have {side} pixels a side"
        name = type(self.photographs).__name__
        return (
            "photographs",
            f"model: {name} on pretrained features ({self.photographs.backbone}), as these are photographs",
        )

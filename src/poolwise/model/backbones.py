"""Networks from pictures to embeddings.

A backbone comes in two pieces: a specification (a frozen dataclass of plain options, what a yaml names) and the
`torch.nn.Module` that it builds for pictures of one shape. The module takes normalised float pictures (n, C, H, W) and
gives embeddings (n, D); D is its attribute `width`. What turns embeddings into classes is the classifier's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Protocol, runtime_checkable

import torch
from annotated_types import MinLen
from torch import Tensor, nn

from poolwise.core.ranges import Checked, Count
from poolwise.core.types import PictureForm

Shape = tuple[int, int, int]
Normalisation = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation a channel, on the 0..255 scale."""


@runtime_checkable
class Backbone(Protocol):
    """What a yaml names under `model.backbone`."""

    @property
    def pretrained(self) -> bool:
        """Return whether its embeddings mean something before any training."""

    @property
    def normalisation(self) -> Normalisation | None:
        """What its weights were trained with; None: taken from the training pictures."""

    @property
    def transform(self) -> PictureForm | None:
        """How it wants pictures that have more detail than it needs; None: as they are."""

    def build(self, shape: Shape, *, blank: bool = False) -> nn.Module:
        """Return a module (n, C, H, W) -> (n, D) with an attribute `width`; random weights from torch's generator.

        `blank` spares the reading of trained weights: the caller is about to fill the network with its own.
        """


class Stack(nn.Sequential):
    """Layers in a row that end in an embedding of a known width."""

    width: int

    def __init__(self, layers: list[nn.Module], width: int) -> None:
        super().__init__(*layers)
        self.width = width


@dataclass(frozen=True)
class Pixels:
    """The picture itself as its embedding: a linear head on it is logistic regression."""

    pretrained: ClassVar[bool] = True
    normalisation: ClassVar[Normalisation | None] = None
    transform: ClassVar[PictureForm | None] = None

    def build(self, shape: Shape, *, blank: bool = False) -> nn.Module:
        """Return a module that flattens."""
        return Stack([nn.Flatten()], shape[0] * shape[1] * shape[2])


@dataclass(frozen=True)
class SmallCNN(Checked):
    """A few convolutions for small pictures: digits of 8x8 to photographs of 32x32, and larger ones at a price.

    Each block is a 3x3 convolution, a 2x2 maximum, batch normalisation and ReLU (the maximum first: it leaves a quarter
    of the numbers to normalise, and scoring takes half the time); what is left is averaged to at most 4x4 and goes
    through one hidden layer, whose output is the embedding.
    """

    channels: Annotated[tuple[Count, ...], MinLen(1)] = (32, 64)
    width: Count = 128

    pretrained: ClassVar[bool] = False
    normalisation: ClassVar[Normalisation | None] = None
    transform: ClassVar[PictureForm | None] = PictureForm(64)

    def build(self, shape: Shape, *, blank: bool = False) -> nn.Module:
        """Return blocks, pooling, hidden layer."""
        layers: list[nn.Module] = []
        before, side = shape[0], list(shape[1:])
        for after in self.channels:
            layers.append(nn.Conv2d(before, after, 3, padding=1, bias=False))
            layers.append(nn.MaxPool2d(2, ceil_mode=True))  # a side of 1 stays 1
            layers += [nn.BatchNorm2d(after), nn.ReLU()]
            before, side = after, [(length + 1) // 2 for length in side]
        end = (min(4, side[0]), min(4, side[1]))
        layers += [nn.AdaptiveAvgPool2d(end), nn.Flatten(), nn.Linear(before * end[0] * end[1], self.width), nn.ReLU()]
        return Stack(layers, self.width)


@dataclass(frozen=True)
class ResNet18(Checked):
    """ResNet-18 in its form for small pictures: a 3x3 first convolution, no early pooling (He et al. 2016, section 4.2).

    `base` is the width of the first stage; 64 gives the usual 512-wide embedding and 11.2 million weights.
    """

    base: Count = 64

    pretrained: ClassVar[bool] = False
    normalisation: ClassVar[Normalisation | None] = None
    transform: ClassVar[PictureForm | None] = PictureForm(64)

    def build(self, shape: Shape, *, blank: bool = False) -> nn.Module:
        """Return a stem, four stages of two blocks, a global average."""
        widths = [self.base, 2 * self.base, 4 * self.base, 8 * self.base]
        layers: list[nn.Module] = [_convolution(shape[0], self.base, 1), nn.BatchNorm2d(self.base), nn.ReLU()]
        before = self.base
        for at, after in enumerate(widths):
            layers += [_Residual(before, after, 1 if at == 0 else 2), _Residual(after, after, 1)]
            before = after
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        stack = Stack(layers, before)
        stack.apply(_he)
        return stack


def _convolution(before: int, after: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, stride, 1, bias=False)


def _he(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


class _Residual(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _convolution(before, after, stride),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            _convolution(after, after, 1),
            nn.BatchNorm2d(after),
        )
        self.around: Callable[[Tensor], Tensor] = nn.Identity()
        if stride != 1 or before != after:
            self.around = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, pictures: Tensor) -> Tensor:
        """Map (n, before, h, w) to (n, after, h / stride, w / stride)."""
        return torch.relu(self.inner(pictures) + self.around(pictures))

"""A backbone with a head for the classes: the part of a classifier that is scored with, exported and kept in a file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from poolwise.core.errors import ConfigError
from poolwise.core.files import write_bytes
from poolwise.core.types import Manifest, Task

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a model file holds: plain values and tensors, so that it can be read without running code from it.

    Attributes:
        fits: what the reader's settings must agree with: backbone, shape, classes, task, ...
        state: name -> tensor.
        info: facts of the training.
    """

    fits: Mapping[str, Any]
    state: Mapping[str, Tensor]
    info: Mapping[str, float] = field(default_factory=dict)


def identity(backbone: object, shape: tuple[int, int, int], manifest: Manifest, dropout: float) -> dict[str, Any]:
    """Return all that decides which tensors a network has, and what its outputs mean."""
    return {
        "backbone": form_of(backbone),
        "shape": list(shape),
        "classes": list(manifest.classes),
        "task": manifest.task.value,
        "dropout": dropout,
    }


def form_of(backbone: object) -> str:
    """Return a backbone's options, without those that say where its first weights came from.

    >>> from poolwise.model.backbones import SmallCNN
    >>> form_of(SmallCNN())
    'SmallCNN(channels=(32, 64), width=128)'
    """
    kept = [part.name for part in fields(backbone) if not part.name.startswith("weights")]  # type: ignore[arg-type]
    return f"{type(backbone).__name__}({', '.join(f'{name}={getattr(backbone, name)!r}' for name in kept)})"


def plain_state(module: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of a module, on the CPU in their usual layout."""
    return {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}


def write(checkpoint: Checkpoint, path: Path) -> None:
    """Write whole or not at all."""
    buffer = io.BytesIO()
    content = {
        "format": FORMAT,
        "fits": dict(checkpoint.fits),
        "state": dict(checkpoint.state),
        "info": dict(checkpoint.info),
    }
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def read(path: Path, fits: Mapping[str, Any]) -> Checkpoint:
    """Read a file that `write` wrote.

    Args:
        path: of the file.
        fits: what must agree with the file's own.

    Raises:
        ConfigError: no such file, not such a file, or one of another network: says what differs.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint = Checkpoint(content["fits"], content["state"], content["info"])
        version = content["format"]
    except FileNotFoundError:
        raise ConfigError(f"there is no model file {str(path)!r}.") from None
    except Exception as error:  # whatever an unpickler makes of a foreign file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"{str(path)!r} is no model file of poolwise: {reason}") from error
    if version != FORMAT:
        raise ConfigError(f"{str(path)!r} has format {version}; this poolwise reads format {FORMAT}.")
    for key, value in fits.items():
        if checkpoint.fits.get(key) != value:
            raise ConfigError(f"{str(path)!r} was trained with {key}={checkpoint.fits.get(key)!r}, not {value!r}.")
    return checkpoint


class Network(nn.Module):
    """Pictures on the 0..255 scale to logits; normalises inside, so that nobody can forget to.

    Args:
        backbone: normalised pictures to embeddings (n, D), with an attribute `width`.
        classes: number of classes, C.
        mean: what is subtracted; broadcasts against a picture, such as (channels, 1, 1).
        std: what is divided by, of the same shape.
        dropout: share of the embedding set to zero in training, and in stochastic draws.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, classes: int, mean: Tensor, std: Tensor, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", mean.float())
        self.register_buffer("std", std.float())
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(cast(int, backbone.width), classes)

    def embed(self, pictures: Tensor) -> Tensor:
        """Map (n, C, H, W) uint8 or float, 0..255, to embeddings (n, D)."""
        return cast(Tensor, self.backbone((pictures - self.mean) / self.std))

    def classify(self, embeddings: Tensor) -> Tensor:
        """Map embeddings (n, D) to logits (n, C)."""
        return cast(Tensor, self.head(self.dropout(embeddings)))

    def forward(self, pictures: Tensor) -> Tensor:
        """Map (n, C, H, W) uint8 or float, 0..255, to logits (n, C)."""
        return self.classify(self.embed(pictures))


class Exported(nn.Module):
    """A network to be served: pictures to probabilities, in eval mode.

    `features` turns pictures into what the network takes, where that is not the pictures themselves.
    """

    def __init__(self, network: Network, task: Task, features: Network | None = None) -> None:
        super().__init__()
        self.network = network
        self.features = features
        self.several = task is Task.MULTILABEL
        self.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        """Map (n, C, H, W) uint8 or float, 0..255, to probabilities (n, C)."""
        inputs = pictures if self.features is None else self.features.embed(pictures)
        logits = self.network(inputs).float()
        return torch.sigmoid(logits) if self.several else torch.softmax(logits, dim=1)


def in_layout(network: Network, channels_last: bool) -> Network:
    """Return the network in the memory layout asked for, or in the usual one where channels-last is not to be trusted.

    On CPUs, torch 2.15's backward pass through a strided 1x1 convolution of fewer than 8 channels writes beyond its
    memory in that layout (seen as a crash, found by trying sizes one by one).
    """
    for part in network.modules():
        if isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1) and part.stride != (1, 1):
            channels_last = channels_last and part.in_channels // part.groups >= 8
    return network.to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def log_probabilities(logits: Tensor, task: Task) -> Tensor:
    """Map logits to log-probabilities of the classes (multi-label: that a class is there), float32."""
    values = logits.float()
    return functional.logsigmoid(values) if task is Task.MULTILABEL else functional.log_softmax(values, dim=1)


def probabilities(logits: Tensor, task: Task) -> Tensor:
    """Map logits to probabilities, float32; multi-class rows sum to 1."""
    values = logits.float()
    return torch.sigmoid(values) if task is Task.MULTILABEL else torch.softmax(values, dim=1)


def channel_statistics(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Return each channel's mean and deviation over (n, C, H, W) pictures, each (C, 1, 1), on the 0..255 scale.

    >>> mean, std = channel_statistics(torch.tensor([0, 2]).reshape(2, 1, 1, 1))
    >>> mean.tolist(), std.tolist()
    ([[[1.0]]], [[[1.0]]])
    """
    values = pictures.double().transpose(0, 1).flatten(1)
    # a floor of one grey level: pictures of one colour would divide by zero
    std = values.std(dim=1, correction=0).clamp_min(1.0)
    return values.mean(dim=1).reshape(-1, 1, 1).float(), std.reshape(-1, 1, 1).float()


def feature_statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return each feature's mean (D,) and one standard deviation for all, (1,): distances keep their proportions.

    A deviation for each feature would be guesswork from a handful of samples, and zero for many.
    """
    values = features.double()
    mean = values.mean(dim=0)
    spread = (values - mean).square().mean().sqrt()
    return mean.float(), (spread if spread > 0 else torch.ones(())).reshape(1).float()

"""Weights in a file, with what must agree before they are used."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poolwise.core.errors import ConfigError
from poolwise.core.files import write_bytes
from poolwise.core.types import Manifest

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
    """What decides which tensors a network has, and what its outputs mean."""
    return {
        "backbone": form_of(backbone),
        "shape": list(shape),
        "classes": list(manifest.classes),
        "task": manifest.task.value,
        "dropout": dropout,
    }


def form_of(backbone: object) -> str:
    """A backbone's options, without those that say where its first weights came from.

    >>> from poolwise.model.backbones import SmallCNN
    >>> form_of(SmallCNN())
    'SmallCNN(channels=(32, 64), width=128)'
    """
    kept = [part.name for part in fields(backbone) if not part.name.startswith("weights")]  # type: ignore[arg-type]
    return f"{type(backbone).__name__}({', '.join(f'{name}={getattr(backbone, name)!r}' for name in kept)})"


def plain_state(module: nn.Module) -> dict[str, Tensor]:
    """The tensors of a module, on the CPU in their usual layout."""
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

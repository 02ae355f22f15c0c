"""Any torchvision classification network as a backbone."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from poolwise.core.errors import ConfigError, listed
from poolwise.core.ranges import Checked, Count
from poolwise.core.types import PictureForm
from poolwise.model.backbones import Normalisation, Shape

IMAGENET: Normalisation = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""What torchvision's ImageNet weights were trained with, on the 0..255 scale."""


@dataclass(frozen=True)
class TorchvisionBackbone(Checked):
    """A torchvision classification network without its last layer.

    Attributes:
        name: as in `torchvision.models.list_models(module=torchvision.models)`.
        weights: name of torchvision weights ("DEFAULT", "IMAGENET1K_V1", ...), downloaded at the first use and kept in
            torch's own cache; None: random.
        weights_file: a local file of weights (a state dict, or a dict with one under "state_dict" or "model"); read
            without running code from it. The last layer may have any number of classes; it is not used.
        resize: side to which pictures are enlarged or reduced inside the network, in pixels; None: as they are.
    """

    name: str = "resnet18"
    weights: str | None = None
    weights_file: str | None = None
    resize: Count | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights and self.weights_file:
            raise ConfigError(
                "model.backbone.weights and model.backbone.weights_file are both set; leave one of them null."
            )

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    @property
    def pretrained(self) -> bool:
        """Return whether weights are given."""
        return bool(self.weights or self.weights_file)

    @property
    def normalisation(self) -> Normalisation | None:
        """ImageNet's where weights are given."""
        return IMAGENET if self.pretrained else None

    @property
    def transform(self) -> PictureForm | None:
        """Return `resize`, else the 224 pixels that most weights were trained with, else 64."""
        return PictureForm(self.resize or (224 if self.pretrained else 64))

    def build(self, shape: Shape, *, blank: bool = False) -> nn.Module:
        """Return the network, its last layer taken away.

        Raises:
            ConfigError: no such network or weights, or pictures that it cannot take.
        """
        network = _network(self.name, None if blank else self.weights, self.resize or shape[1])
        path, width = last_layer(network)
        if self.weights_file and not blank:
            _load_file(network, Path(self.weights_file), path)
        _replace(network, path, nn.Identity())
        built = _Torchvision(network, width, self.resize)
        _try_out(built, shape, self)
        return built


def last_layer(network: nn.Module) -> tuple[str, int]:
    """Return name and input width of the layer that tells the classes apart: the last linear one, else convolution.

    >>> last_layer(nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 10)))
    ('2', 5)
    """
    linear = [(name, part.in_features) for name, part in network.named_modules() if isinstance(part, nn.Linear)]
    convolutions = [(name, part.in_channels) for name, part in network.named_modules() if isinstance(part, nn.Conv2d)]
    return (linear or convolutions)[-1]


class _Torchvision(nn.Module):
    """Resizes, makes three channels of one, and flattens what the network gives."""

    def __init__(self, network: nn.Module, width: int, resize: int | None) -> None:
        super().__init__()
        self.network = network
        self.width = width
        self.resize = resize

    def forward(self, pictures: Tensor) -> Tensor:
        """Map (n, 1 or 3, H, W) to (n, width)."""
        if pictures.shape[1] == 1:
            pictures = pictures.expand(-1, 3, -1, -1)
        if self.resize is not None:
            size = (self.resize, self.resize)
            pictures = functional.interpolate(pictures, size, mode="bilinear", antialias=True)
        found = self.network(pictures)
        # inception and googlenet give a tuple in training: the classes, and those of their helping heads
        first = found[0] if isinstance(found, tuple) else found
        return cast(Tensor, first).flatten(1)


def _network(name: str, weights: str | None, side: int) -> nn.Module:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        raise ConfigError(
            f"backbone.name is {name!r}, which torchvision.models does not have; "
            f"{f'did you mean {listed(near)}?' if near else f'it has {listed(known, most=20)}.'}"
        )
    kinds = models.get_model_weights(name)
    if weights is not None and weights != "DEFAULT" and weights not in kinds.__members__:
        raise ConfigError(f"backbone.weights is {weights!r}; {name} has {listed(['DEFAULT', *kinds.__members__], 20)}.")
    try:
        return cast(nn.Module, models.get_model(name, weights=weights, **_extra(name, weights, side)))
    except (ValueError, AssertionError) as error:
        raise ConfigError(
            f"{name} cannot be built for pictures of {side}x{side}: {error}. Set backbone.resize (224 suits most networks)."
        ) from error
    except (OSError, RuntimeError) as error:  # a URLError is an OSError; a damaged download a RuntimeError
        raise ConfigError(
            f"backbone.weights={weights} of {name} could not be had: {error}. Fetch the file by other means and name it "
            "with model.backbone.weights_file=..., or set model.backbone.weights=null for random weights."
        ) from error


def _extra(name: str, weights: str | None, side: int) -> dict[str, Any]:
    """Return what some networks want besides: vision transformers a size, the two Inceptions whether to draw weights."""
    if name.startswith("vit_"):
        return {"image_size": side}
    return {"init_weights": weights is None} if name in ("googlenet", "inception_v3") else {}


def _load_file(network: nn.Module, file: Path, head: str) -> None:
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"model.backbone.weights_file is {str(file)!r}, which does not exist.") from None
    except Exception as error:  # whatever an unpickler makes of a foreign file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"model.backbone.weights_file={str(file)!r} holds no plain weights: {reason}") from error
    state = _state(content)
    state = {key: value for key, value in state.items() if key.rpartition(".")[0] != head}
    try:
        missing, unknown = network.load_state_dict(state, strict=False)
    except RuntimeError as error:  # shapes that differ
        raise ConfigError(f"model.backbone.weights_file={str(file)!r} is of another network: {error}") from error
    missing = [key for key in missing if key.rpartition(".")[0] != head]
    if missing or unknown:
        raise ConfigError(
            f"model.backbone.weights_file={str(file)!r} is of another network: "
            f"it lacks {listed(missing) or 'nothing'}, and has besides {listed(unknown) or 'nothing'}."
        )


def _state(content: Any) -> dict[str, Tensor]:
    """Return the state dict of a file, without the prefixes that wrappers leave behind."""
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise ConfigError(f"backbone.weights_file must hold a state dict; it holds a {type(content).__name__}.")
    return {str(key).removeprefix("module.").removeprefix("_orig_mod."): value for key, value in content.items()}


def _replace(network: nn.Module, path: str, part: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, part)


def _try_out(built: _Torchvision, shape: Shape, spec: TorchvisionBackbone) -> None:
    built.eval()
    try:
        with torch.inference_mode():
            found = built(torch.zeros(1, *shape))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ConfigError(
            f"{spec.name} cannot take pictures of {shape[0]}x{shape[1]}x{shape[2]}: {error}. "
            "Set backbone.resize (224 suits most networks)."
        ) from error
    if found.shape != (1, built.width):
        raise ConfigError(
            f"{spec.name} gives {tuple(found.shape)} where its last layer takes {built.width} numbers a picture; "
            "it has no plain last layer and cannot serve as a backbone."
        )
    built.train()

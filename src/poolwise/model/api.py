"""The public function on pictures and networks: `poolwise.embed`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from poolwise.core.errors import InvalidArray, UnreadableImages
from poolwise.core.interfaces import Progress
from poolwise.core.types import Floats, PictureForm
from poolwise.data.pictures import Form, Pixels, Resize, attempt, converted
from poolwise.model.backbones import Backbone
from poolwise.model.frozen_head import GREY
from poolwise.model.learner import machine_of, per_channel
from poolwise.model.network import Network
from poolwise.model.timm_backbone import TimmBackbone
from poolwise.model.traced import Traced
from poolwise.model.trainer import seeded


def embed(
    images: Any, backbone: str | Backbone = "auto", *, batch_size: int = 32, progress: Progress | None = None
) -> Floats:
    """Compute embeddings of pictures with a pretrained network.

    Args:
        images: N paths, N PIL pictures, or uint8 (N, H, W) or (N, H, W, channels).
        backbone: "auto" for EfficientNet-Lite0, whose weights are installed; the name of a network of timm; or a backbone.
        batch_size: pictures that go through the network at once.
        progress: told of the pictures done.

    Returns:
        (N, D) float32, the network's pooled features.

    Raises:
        UnreadableImages: names the files.
        InvalidArray: pictures of another kind.
        ConfigError: no such network, or weights that cannot be had.
    """
    spec = (
        backbone if not isinstance(backbone, str) else TimmBackbone() if backbone == "auto" else TimmBackbone(backbone)
    )
    wanted = spec.transform or PictureForm(224)
    form = Form(wanted.side, 3, Resize.CROP, wanted.share, wanted.bicubic)
    machine = machine_of({}, True)
    mean, std = spec.normalisation or GREY
    with seeded(0, machine.device):
        inner = Traced(spec.build(form.shape).eval())
        network = machine.settle(Network(inner, 1, per_channel(mean, 3), per_channel(std, 3)))
    found = np.empty((len(images), inner.width), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            pixels = _pixels(images[start : start + batch_size], form, start)
            inputs = machine.bring(torch.from_numpy(pixels))
            found[start : start + len(pixels)] = network.embed(inputs).float().cpu().numpy()
            if progress is not None:
                progress("embed", start + len(pixels), len(images))
    return found


def _pixels(images: Sequence[Any] | NDArray[Any], form: Form, start: int) -> Pixels:
    """Return (n, 3, side, side) pixels of some pictures, the first of which is the `start`-th."""
    if isinstance(images, np.ndarray) and (images.dtype != np.uint8 or images.ndim not in (3, 4)):
        raise InvalidArray(
            f"an array of pictures is uint8 (N, H, W) or (N, H, W, channels); got {images.dtype} of shape {images.shape}."
        )
    return np.stack([_one(image, form, start + row) for row, image in enumerate(images)])


def _one(image: Any, form: Form, row: int) -> Pixels:
    found = attempt(Path(image), form) if isinstance(image, (str, Path)) else converted(image, form)
    if isinstance(found, str):
        raise UnreadableImages(
            f"picture {row} ({image if isinstance(image, (str, Path)) else type(image).__name__}): {found}."
        )
    return found

"""Loads a network that poolwise sent to MLflow. This file travels with the model and needs torch alone, not poolwise."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

TRACED = "network.pt"
EXPORTED = "network.pt2"


class Served:
    """A network behind MLflow's `predict`."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def predict(self, images: Any, params: Any = None) -> Any:
        """(n, C, H, W) uint8 pictures to (n, classes) float32 probabilities."""
        import torch

        with torch.inference_mode():
            return self.network(torch.as_tensor(images)).numpy()


def _load_pyfunc(path: str) -> Served:
    """MLflow's door: `path` is the model's data folder."""
    import torch

    folder = Path(path)
    if (folder / EXPORTED).exists():
        return Served(torch.export.load(str(folder / EXPORTED)).module())
    with warnings.catch_warnings():  # torch announces the end of TorchScript at every load
        warnings.simplefilter("ignore")
        load: Any = torch.jit.load
        return Served(load(str(folder / TRACED), map_location="cpu").eval())

"""Write a trained network as an MLflow model that can be loaded and served without poolwise.

Measured (torch 2.15, two busy cores): tracing a small network takes 0.2 s, `torch.export` 9 s in a fresh process, of which most
is its import; hence a trace where it gives the network's own numbers at other batch sizes, an export where it does not.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.report.tracking import poolwise_served

EXAMPLE_LIMIT = 50_000
"""Numbers in an input example: it is kept as text, two files of some 15 bytes a number."""
TOLERANCE = 1e-4


def write_network(network: Any, shape: tuple[int, int, int], folder: Path) -> Path:
    """Write a network with a free batch size into a folder; returns the file.

    Args:
        network: torch.nn.Module in eval mode on the CPU, (n, C, H, W) pictures in 0..255 to (n, classes) probabilities.
        shape: (C, H, W) of the pictures.
        folder: existing and empty.
    """
    traced = folder / poolwise_served.TRACED
    if _trace(network, shape, traced):
        return traced
    traced.unlink(missing_ok=True)
    return _export(network, shape, folder / poolwise_served.EXPORTED)


def _trace(network: Any, shape: tuple[int, int, int], path: Path) -> bool:
    import torch

    trace: Any = torch.jit.trace
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and a trace warns of every Python branch
        try:
            traced = trace(network, torch.from_numpy(_pictures(2, shape)), check_trace=False)
            same = all(_agrees(network, traced, torch.from_numpy(_pictures(n, shape))) for n in (1, 5))
        except Exception:  # a tracer fails in as many ways as there are networks; the export is the next to try
            return False
        if same:
            traced.save(str(path))
        return same


def _agrees(network: Any, traced: Any, pictures: Any) -> bool:
    expected, got = network(pictures).numpy(), traced(pictures).numpy()
    return expected.shape == got.shape and bool(np.allclose(expected, got, atol=TOLERANCE))


def _export(network: Any, shape: tuple[int, int, int], path: Path) -> Path:
    import torch

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        batch = torch.export.Dim("batch", min=1)
        program = torch.export.export(network, (torch.from_numpy(_pictures(2, shape)),), dynamic_shapes=({0: batch},))
        torch.export.save(program, str(path))
    return path


def write_model(data: Path, shape: tuple[int, int, int], classes: Sequence[str], folder: Path, described: Any) -> None:
    """Write the whole MLflow model: network, loader, signature, example, requirements, class names.

    Args:
        data: folder that `write_network` wrote into.
        shape: (C, H, W) of the pictures.
        classes: names in the order of the probabilities.
        folder: does not exist yet.
        described: `mlflow.models.Model` that carries the ids of the logged model.
    """
    import mlflow.pyfunc

    described.metadata = {"classes": list(classes), "shape": list(shape), "values": "0..255"}
    mlflow.pyfunc.save_model(
        str(folder),
        loader_module=poolwise_served.__name__.rpartition(".")[2],
        data_path=str(data),
        code_paths=[poolwise_served.__file__],
        mlflow_model=described,
        signature=_signature(shape, len(classes)),
        input_example=_pictures(1, shape) if np.prod(shape) <= EXAMPLE_LIMIT else None,
        pip_requirements=_requirements(),  # without them MLflow loads the model in a new process to find out: 14 s
    )


def _signature(shape: tuple[int, int, int], classes: int) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    pictures = TensorSpec(np.dtype(np.uint8), (-1, *shape), name=None)
    return ModelSignature(Schema([pictures]), Schema([TensorSpec(np.dtype(np.float32), (-1, classes))]))


def _requirements() -> list[str]:
    import torch

    return [f"torch=={torch.__version__.split('+')[0]}", f"numpy=={np.__version__}"]


def _pictures(count: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """(count, C, H, W) pictures that differ from one another, the same in every run."""
    values = np.arange(count * int(np.prod(shape)), dtype=np.int64) * 37 % 256
    return values.astype(np.uint8).reshape(count, *shape)

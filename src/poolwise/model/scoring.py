"""Score many samples with a trained network: plain batched inference, which is faster than `Trainer.predict`."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from poolwise.core.errors import ConfigError, TrainingDiverged, listed
from poolwise.core.interfaces import ImageSource, Progress
from poolwise.core.types import Head, Ids, Need, Predictions, Task
from poolwise.model.batches import chunks
from poolwise.model.network import (
    Checkpoint,
    Exported,
    Network,
    in_layout,
    log_probabilities,
    plain_state,
    probabilities,
    write,
)
from poolwise.model.training import dropout_parts


@dataclass(frozen=True, eq=False)
class FittedNetwork:
    """A network, settled where it computes.

    Attributes:
        network: in eval mode.
        task: how its logits are read.
        machine: where and how to compute.
        batch_size: samples scored at once.
        draws: K, how many stochastic draws `Need.DRAWS` gives.
        fits: what a reader of its file must agree with.
        info: facts of its training: steps, epochs, loss.
    """

    network: Network
    task: Task
    machine: Machine
    batch_size: int
    draws: int
    fits: Mapping[str, Any]
    info: dict[str, float]

    def predict(
        self, images: ImageSource, ids: Ids, needs: Need, *, seed: int, progress: Progress | None = None
    ) -> Predictions:
        """Return the predictions in eval mode; `seed` decides the dropout masks of the draws. Raises TrainingDiverged."""
        return score(
            self.network,
            chunks(images, ids, self.batch_size),
            ids,
            self.task,
            needs,
            self.machine,
            draws=self.draws,
            seed=seed,
            progress=progress,
        )

    def save(self, path: Path) -> None:
        """Write weights and what must agree with them, whole or not at all."""
        write(Checkpoint(self.fits, plain_state(self.network), self.info), path)

    def exported(self) -> Exported:
        """Return a module from pictures (n, C, H, W) in 0..255 to probabilities (n, C), on the CPU, in eval mode."""
        return Exported(copy.deepcopy(self.network).cpu(), self.task)


HALVES = {"bf16": torch.bfloat16, "16": torch.float16}
"""What Lightning's precisions begin with, and the type that the network then computes in."""


@dataclass(frozen=True)
class Machine:
    """Where and how to compute.

    Attributes:
        device: as Lightning's Trainer chose it.
        half: type of half precision, or None for float32.
        channels_last: memory layout of pictures and kernels, the faster one for convolutions.
        shared: whether several processes train together; training samples then stay in ordinary memory.
    """

    device: torch.device
    half: torch.dtype | None = None
    channels_last: bool = True
    shared: bool = False

    @property
    def store(self) -> torch.device:
        """Where training samples are kept."""
        return torch.device("cpu") if self.shared else self.device

    def settle(self, network: Network) -> Network:
        """Move a network here, in its layout and in eval mode."""
        return in_layout(network.to(self.device), self.channels_last).eval()

    def bring(self, inputs: Tensor) -> Tensor:
        """Move inputs here, in the layout of the network."""
        moved = inputs.to(self.device, non_blocking=True)
        return moved.contiguous(memory_format=torch.channels_last) if self.channels_last and moved.ndim == 4 else moved

    def precision(self) -> AbstractContextManager[Any]:
        """Return the context in which to compute."""
        return nullcontext() if self.half is None else torch.autocast(self.device.type, dtype=self.half)


def half_of(options: Mapping[str, Any] | None) -> torch.dtype | None:
    """Return the type of half precision that Trainer options ask for.

    >>> half_of({"precision": "bf16-mixed"}), half_of({}), half_of({"precision": "32-true"})
    (torch.bfloat16, None, None)
    """
    name = str((options or {}).get("precision") or "32-true")
    return next((kind for start, kind in HALVES.items() if name.startswith(start)), None)


def score(
    network: Network,
    chunks: Iterable[tuple[slice, Tensor]],
    ids: Ids,
    task: Task,
    needs: Need,
    machine: Machine,
    *,
    draws: int,
    seed: int,
    progress: Progress | None,
) -> Predictions:
    """Return what is needed of each sample, and nothing else.

    Args:
        network: settled on the machine.
        chunks: (rows, inputs) that cover all ids.
        ids: (N,) sample ids.
        task: how logits become probabilities.
        needs: any of PROBS, EMBEDDINGS, DRAWS, HEAD.
        machine: where and how.
        draws: K, stochastic draws with dropout on.
        seed: of the draws' masks.
        progress: told of the samples done.

    Raises:
        TrainingDiverged: NaN or infinity; names samples.
        ConfigError: draws of a network that drops nothing.
    """
    masks = Masks(network, seed) if Need.DRAWS in needs else None
    found: dict[Need, NDArray[np.float32]] = {}
    done = 0
    with torch.inference_mode(), machine.precision():
        for rows, inputs in chunks:
            for need, values in _scores(network, machine.bring(inputs), task, needs, masks, draws):
                _store(found, need, values, rows, ids)
            done += rows.stop - rows.start
            if progress is not None:
                progress("predict", done, len(ids))
    if not len(ids):
        found = _nothing(network, needs, draws)
    head = head_of(network) if Need.HEAD in needs else None
    return Predictions(ids, found.get(Need.PROBS), found.get(Need.EMBEDDINGS), found.get(Need.DRAWS), head)


def head_of(network: Network) -> Head:
    """Return what turns a network's embeddings into logits, as arrays of their own."""
    weights, bias = (part.detach().float().cpu().numpy().copy() for part in (network.head.weight, network.head.bias))
    return Head(weights, bias)


def _scores(
    network: Network, inputs: Tensor, task: Task, needs: Need, masks: Masks | None, draws: int
) -> Iterator[tuple[Need, Tensor]]:
    embeddings = network.embed(inputs)
    if Need.EMBEDDINGS in needs:
        yield Need.EMBEDDINGS, embeddings
    if Need.PROBS in needs:
        yield Need.PROBS, probabilities(network.classify(embeddings), task)
    if masks is not None:
        yield Need.DRAWS, torch.stack([_draw(network, inputs, embeddings, task, masks, k) for k in range(draws)], dim=1)


def _draw(network: Network, inputs: Tensor, embeddings: Tensor, task: Task, masks: Masks, draw: int) -> Tensor:
    with masks.of(draw):
        logits = network(inputs) if masks.inside else network.classify(embeddings)
    return log_probabilities(logits, task)


def _store(found: dict[Need, NDArray[np.float32]], need: Need, values: Tensor, rows: slice, ids: Ids) -> None:
    part = values.float().cpu().numpy()
    lost = ~np.isfinite(part).reshape(len(part), -1).all(axis=1)
    if lost.any():
        raise TrainingDiverged(
            f"the network gave NaN or infinity for {int(lost.sum())} samples (ids {listed(ids[rows][lost])}); "
            "lower model.learning_rate, set trainer.gradient_clip_val=1, or use trainer.precision=32-true."
        )
    if need not in found:
        found[need] = np.empty((len(ids), *part.shape[1:]), dtype=np.float32)
    found[need][rows] = part


def _nothing(network: Network, needs: Need, draws: int) -> dict[Need, NDArray[np.float32]]:
    """Return arrays of no rows, of the right widths."""
    classes, width = network.head.out_features, cast(int, network.backbone.width)
    shapes = {Need.PROBS: (0, classes), Need.EMBEDDINGS: (0, width), Need.DRAWS: (0, draws, classes)}
    return {need: np.empty(shape, dtype=np.float32) for need, shape in shapes.items() if need in needs}


class Masks:
    """Monte-Carlo dropout (Gal and Ghahramani 2016) with one mask a draw for all samples.

    A mask of its own for each sample would make draws of two samples independent, and joint measures such as BatchBALD
    are about their dependence (Kirsch et al. 2019, section 3.3, "consistent" dropout).

    Raises:
        ConfigError: the network drops nothing, so all draws would be one.
    """

    def __init__(self, network: Network, seed: int) -> None:
        self.parts = dropout_parts(network)
        self.inside = any(part is not network.dropout for part in self.parts)
        """Whether anything is dropped before the embedding; else the embedding serves all draws."""
        self.seed = seed
        self.kept: dict[tuple[int, int, tuple[int, ...]], Tensor] = {}
        if not self.parts:
            raise ConfigError(
                "this strategy wants stochastic draws, and the network has no dropout; set model.dropout=0.2."
            )

    @contextmanager
    def of(self, draw: int) -> Iterator[None]:
        """Apply this draw's mask in every dropout part, within the context."""
        hooks = [part.register_forward_hook(self._hook(draw, at)) for at, part in enumerate(self.parts)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _hook(self, draw: int, at: int) -> Any:
        def apply(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return output * self._mask(draw, at, output, cast(float, part.p), isinstance(part, nn.Dropout))

        return apply

    def _mask(self, draw: int, at: int, like: Tensor, share: float, elementwise: bool) -> Tensor:
        """Return zeros and 1 / (1 - share): over all entries of a row, or over whole channels."""
        shape = (1, *like.shape[1:]) if elementwise else (1, like.shape[1], *(1 for _ in like.shape[2:]))
        key = (draw, at, shape)
        if key not in self.kept:
            entropy = np.random.SeedSequence([self.seed, draw, at]).generate_state(1, np.uint64)[0]
            generator = torch.Generator().manual_seed(int(entropy >> np.uint64(1)))
            kept = (torch.rand(shape, generator=generator) >= share) / max(1 - share, 1e-6)
            self.kept[key] = kept.to(like.device)
        return self.kept[key].to(like.dtype)

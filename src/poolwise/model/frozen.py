"""Embeddings of a backbone that is not trained: computed once for each picture, kept in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from poolwise.errors import UnreadableImages
from poolwise.model.batches import chunk_size, chunks
from poolwise.model.checkpoint import plain_state
from poolwise.model.network import Network
from poolwise.model.scoring import Machine, score
from poolwise.protocols import ImageSource, Progress
from poolwise.types import Ids, Need, Task


@dataclass(frozen=True)
class Forgiving:
    """A source whose unreadable pictures are black: they fill their place in a block, and nobody asks for them."""

    images: ImageSource

    def __getattr__(self, name: str) -> Any:
        return getattr(self.images, name)

    def read(self, ids: Ids) -> NDArray[np.uint8]:
        """(n, channels, height, width) pictures."""
        try:
            return self.images.read(ids)
        except UnreadableImages:
            return np.concatenate([self._one(ids[at : at + 1]) for at in range(len(ids))])

    def _one(self, one: Ids) -> NDArray[np.uint8]:
        try:
            return self.images.read(one)
        except UnreadableImages:
            return np.zeros((1, *self.images.shape), dtype=np.uint8)


class FrozenFeatures:
    """Embeddings by sample id, for the pictures of one source at a time.

    Memory: 4 * N * D bytes once all N samples have been asked for (60,000 x 512: 123 MB); pages of samples that nobody
    asked for are not touched.
    """

    def __init__(self, network: Network, machine: Machine, batch_size: int) -> None:
        self.network = machine.settle(network)
        self.machine = machine
        self.batch_size = batch_size
        self.width = int(network.head.in_features)
        self._images: ImageSource | None = None
        self._values: NDArray[np.float32] = np.empty((0, self.width), dtype=np.float32)
        self._known: NDArray[np.bool_] = np.empty(0, dtype=bool)

    def of(self, images: ImageSource, ids: Ids, progress: Progress | None = None) -> NDArray[np.float32]:
        """(n, D) embeddings in the order of `ids`; computes those that are new. Raises TrainingDiverged on NaN."""
        if self._images is not images and self._images != images:
            self._images = images
            self._values = np.empty((len(images.manifest), self.width), dtype=np.float32)
            self._known = np.zeros(len(images.manifest), dtype=bool)
        new = self._blocks(images, ids[~self._known[ids]])
        if len(new):
            found = score(
                self.network,
                chunks(Forgiving(images), new, self.batch_size),
                new,
                Task.MULTICLASS,
                Need.EMBEDDINGS,
                self.machine,
                draws=1,
                seed=0,
                progress=progress,
            )
            self._values[new] = found.embeddings
            self._known[new] = True
        return self._values[ids]

    def _blocks(self, images: ImageSource, missing: Ids) -> Ids:
        """Whole blocks of consecutive ids that hold what is missing.

        The last bits of an embedding depend on the batch it was computed in; a resumed run must compute it in the same.
        """
        size = chunk_size(images, self.batch_size)
        starts = np.unique(missing // size) * size
        ids = (starts[:, None] + np.arange(size)).ravel()
        return ids[ids < len(images.manifest)].astype(np.int64)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the weights and the normalisation."""
        digest = hashlib.sha256()
        for name, value in sorted(plain_state(self.network.backbone).items()):
            digest.update(name.encode() + value.numpy().tobytes())
        digest.update(torch.cat([self.network.mean.flatten(), self.network.std.flatten()]).cpu().numpy().tobytes())
        return digest.hexdigest()

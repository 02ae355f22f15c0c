"""Embeddings of a backbone that is not trained: computed once for each picture, kept in memory or in a file."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from poolwise.core.errors import UnreadableImages
from poolwise.core.interfaces import ImageSource, Progress
from poolwise.core.types import Floats, Ids, Need, Task
from poolwise.model.batches import chunk_size, chunks
from poolwise.model.embedding_store import SHARD, EmbeddingStore, fill, pictures_digest
from poolwise.model.network import Network, plain_state
from poolwise.model.scoring import Machine, score
from poolwise.model.traced import Traced


@dataclass(frozen=True)
class Forgiving:
    """A source whose unreadable pictures are black: they fill their place in a block, and nobody asks for them."""

    images: ImageSource

    def __getattr__(self, name: str) -> Any:
        return getattr(self.images, name)

    def read(self, ids: Ids) -> NDArray[np.uint8]:
        """Return (n, channels, height, width) pictures."""
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

    With a `folder` they are kept there, see `embedding_store.py`, and are read from it by every later run. Without, they
    stay in memory: 4 * N * D bytes once all N samples have been asked for (60,000 x 512: 123 MB).
    """

    def __init__(
        self, network: Network, machine: Machine, batch_size: int, folder: Path | None = None, name: str = ""
    ) -> None:
        self.name = name
        self.network = machine.settle(network)
        self.machine = machine
        self.batch_size = batch_size
        self.folder = folder
        self.width = int(network.head.in_features)
        self._images: ImageSource | None = None
        self._values: NDArray[np.float32] = np.empty((0, self.width), dtype=np.float32)
        self._known: NDArray[np.bool_] = np.empty(0, dtype=bool)
        self._store: EmbeddingStore | None = None

    def of(self, images: ImageSource, ids: Ids, progress: Progress | None = None) -> NDArray[np.float32]:
        """Return (n, D) embeddings in the order of `ids`; compute those that are new. Raises TrainingDiverged on NaN."""
        if self._images is not images and self._images != images:
            self._begin(images)
        if self._store is not None:
            fill(self._store, ids, self._computing(images), progress)
            return self._store.read(ids)
        new = self._blocks(images, ids[~self._known[ids]])
        if len(new):
            self._values[new] = self._computed(images, new, progress)
            self._known[new] = True
        return np.asarray(self._values[ids])

    def store(self, images: ImageSource) -> EmbeddingStore | None:
        """Return where the embeddings of these pictures are kept; None for a memory."""
        if self._images is not images and self._images != images:
            self._begin(images)
        return self._store

    def _begin(self, images: ImageSource) -> None:
        """Turn to another source, with nothing known of it but what the folder has."""
        count = len(images.manifest)
        self._images, self._store = images, None
        if self.folder is None:
            self._values = np.empty((count, self.width), dtype=np.float32)
            self._known = np.zeros(count, dtype=bool)
            return
        facts = {
            "backbone": self.name or type(self.network.backbone).__name__,
            "network": self.digest,
            "pictures": pictures_digest(Forgiving(images)),
            "shape": "x".join(map(str, images.shape)),
            "precision": str(self.machine.half or "torch.float32").rpartition(".")[2],
        }
        self._store = EmbeddingStore(self.folder, count, self.width, facts)

    def _computing(self, images: ImageSource) -> Callable[[Ids, Progress | None], Floats]:
        return lambda ids, progress: self._computed(images, ids, progress)

    def _computed(self, images: ImageSource, ids: Ids, progress: Progress | None) -> NDArray[np.float32]:
        found = score(
            self._fast,
            chunks(Forgiving(images), ids, self.batch_size),
            ids,
            Task.MULTICLASS,
            Need.EMBEDDINGS,
            self.machine,
            draws=1,
            seed=0,
            progress=progress,
        )
        assert found.embeddings is not None  # asked for above
        return found.embeddings

    @cached_property
    def _fast(self) -> Network:
        fast = copy.copy(self.network)  # the same tensors; only the backbone is called in another way
        fast._modules = {**self.network._modules, "backbone": Traced(self.network.backbone).eval()}
        return fast

    def _blocks(self, images: ImageSource, missing: Ids) -> Ids:
        """Return whole blocks of consecutive ids that hold what is missing.

        The last bits of an embedding depend on the batch it was computed in; a resumed run must compute it in the same,
        and a store, which is filled shard by shard, says the same as memory.
        """
        size, starts = chunk_size(images, self.batch_size), missing // SHARD * SHARD
        starts = np.unique(starts + (missing - starts) // size * size)
        ends = np.minimum(np.minimum(starts + size, (starts // SHARD + 1) * SHARD), len(images.manifest))
        return np.concatenate([np.arange(a, b, dtype=np.int64) for a, b in zip(starts, ends, strict=True)] or [missing])

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the weights and the normalisation."""
        digest = hashlib.sha256()
        for name, value in sorted(plain_state(self.network.backbone).items()):
            digest.update(name.encode() + value.numpy().tobytes())
        digest.update(torch.cat([self.network.mean.flatten(), self.network.std.flatten()]).cpu().numpy().tobytes())
        return digest.hexdigest()

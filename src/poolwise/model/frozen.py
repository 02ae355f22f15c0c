"""Embeddings of a backbone that is not trained: computed once for each picture, kept in memory or in a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from poolwise.core.errors import DataError, UnreadableImages
from poolwise.core.interfaces import ImageSource, Progress
from poolwise.core.types import Ids, Need, Task
from poolwise.model.batches import chunk_size, chunks
from poolwise.model.kept_features import open_features, pictures_digest, write_features
from poolwise.model.network import Network, plain_state
from poolwise.model.scoring import Machine, score


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

    Memory: 4 * N * D bytes once all N samples have been asked for (60,000 x 512: 123 MB); pages of samples that nobody
    asked for are not touched. With a `folder`, the first question is answered by a file there, which is memory-mapped;
    where there is none yet, the embeddings of all N samples are computed and written.
    """

    def __init__(self, network: Network, machine: Machine, batch_size: int, folder: Path | None = None) -> None:
        self.network = machine.settle(network)
        self.machine = machine
        self.batch_size = batch_size
        self.folder = folder
        self.width = int(network.head.in_features)
        self._images: ImageSource | None = None
        self._values: NDArray[np.float32] = np.empty((0, self.width), dtype=np.float32)
        self._known: NDArray[np.bool_] = np.empty(0, dtype=bool)

    def of(self, images: ImageSource, ids: Ids, progress: Progress | None = None) -> NDArray[np.float32]:
        """Return (n, D) embeddings in the order of `ids`; compute those that are new. Raises TrainingDiverged on NaN."""
        if self._images is not images and self._images != images:
            self._begin(images, progress)
        new = self._blocks(images, ids[~self._known[ids]])
        if len(new):
            self._values[new] = self._computed(images, new, progress)
            self._known[new] = True
        return np.asarray(self._values[ids])

    def _begin(self, images: ImageSource, progress: Progress | None) -> None:
        """Turn to another source, with nothing known of it but what the folder has."""
        count = len(images.manifest)
        if self.folder is None:
            values = np.empty((count, self.width), dtype=np.float32)
        else:
            values = self._kept(images, self.folder, progress)
        self._images, self._values, self._known = images, values, np.full(count, self.folder is not None)

    def _kept(self, images: ImageSource, folder: Path, progress: Progress | None) -> NDArray[np.float32]:
        """Return (N, D) embeddings of all pictures, from the folder's file; made where it is missing."""
        shape = len(images.manifest), self.width
        half = str(self.machine.half or "float32").rpartition(".")[2]
        file = folder / f"{self.digest[:16]}-{pictures_digest(Forgiving(images))[:16]}-{half}.npy"
        found = open_features(file, shape)
        if found is None:
            write_features(file, self._computed(images, np.arange(shape[0], dtype=np.int64), progress))
            found = open_features(file, shape)
        if found is None:
            raise DataError(f"{file} was written and cannot be read again; set model.features_dir to another folder.")
        return found

    def _computed(self, images: ImageSource, ids: Ids, progress: Progress | None) -> NDArray[np.float32]:
        found = score(
            self.network,
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

    def _blocks(self, images: ImageSource, missing: Ids) -> Ids:
        """Return whole blocks of consecutive ids that hold what is missing.

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

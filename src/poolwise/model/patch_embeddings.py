"""Embeddings of pictures from the pictures alone, where no trained backbone is at hand."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from poolwise.core.interfaces import ImageSource, Progress
from poolwise.core.types import Floats, Ids
from poolwise.model.embedding_store import EmbeddingStore, pictures_digest
from poolwise.model.patches import PatchNetwork, learn_patches

SIDE = 32
"""Pictures are brought to at most so many pixels a side: patches of 6 pixels say little of a large one."""
LEARNT_FROM, AT_ONCE = 10_000, 256
LEAST, FILTERS, WIDTH, PATCH = 32, 300, 128, 6


def patch_embeddings(
    images: ImageSource, ids: Ids, *, folder: Path | None = None, progress: Progress | None = None
) -> Floats:
    """Return (n, D) features of small patches, learnt from these pictures without labels, the same for the same pictures.

    Args:
        images: of any shape.
        ids: (n,) samples, at least 2.
        folder: where the result is kept for the next time; None: nowhere.
        progress: told how it goes.
    """
    store = None if folder is None else _store(images, ids, folder)
    if store is not None and not store.missing():
        return store.read(np.arange(len(ids), dtype=np.int64))
    some = ids[np.unique(np.linspace(0, len(ids) - 1, min(len(ids), LEARNT_FROM)).astype(np.int64))]
    learnt = np.concatenate([_small(images, block) for block in _blocks(some)])
    size = min(PATCH, *learnt.shape[2:])
    filters = int(np.clip(len(learnt) // 8, LEAST, FILTERS))
    network = PatchNetwork(learn_patches(learnt, 0, filters=filters, size=size, width=WIDTH)).eval()
    found = []
    with torch.inference_mode():
        for block in _blocks(ids):
            found.append(network((torch.from_numpy(_small(images, block)).float() - 127.5) / 127.5).numpy())
            if progress:
                progress("embeddings", sum(map(len, found)), len(ids))
    embeddings = np.concatenate(found).astype(np.float32)
    if store is not None:
        for shard in store.missing():
            store.write(shard, embeddings[store.ids(shard)])
    return embeddings


def _store(images: ImageSource, ids: Ids, folder: Path) -> EmbeddingStore:
    """Return the store of these samples' features, whose rows are places in `ids`."""
    facts = {
        "backbone": f"patches {FILTERS} {WIDTH} {PATCH} {SIDE}",
        "pictures": pictures_digest(images),
        "samples": hashlib.sha256(ids.tobytes()).hexdigest(),
    }
    width = min(WIDTH, min(len(ids), LEARNT_FROM) - 1)  # as many as `learn_patches` keeps
    return EmbeddingStore(folder, len(ids), width, facts)


def _blocks(ids: Ids) -> list[Ids]:
    return [ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE)]


def _small(images: ImageSource, ids: Ids) -> NDArray[np.uint8]:
    """Return (n, C, h, w) pictures, the mean of the area that each pixel stands for."""
    pictures = images.read(ids)
    height, width = pictures.shape[2:]
    if max(height, width) <= SIDE:
        return pictures
    small: Tensor = functional.adaptive_avg_pool2d(
        torch.from_numpy(pictures).float(), (min(SIDE, height), min(SIDE, width))
    )
    return np.asarray(small.round().to(torch.uint8).numpy())

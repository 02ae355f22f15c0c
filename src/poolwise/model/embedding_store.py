"""Keep embeddings on disk, so that no picture goes through the same network twice, in whatever run or job.

A store is a folder, named by the fingerprint of all that decides its numbers:

    <fingerprint>/store.json     rows, width and facts: pictures, backbone, weights, transform, precision
    <fingerprint>/000000.npy     float32 (SHARD, D): the rows of samples 0 to SHARD - 1; the last shard is shorter
    <fingerprint>/000001.npy     ...

A shard appears whole or not at all, so a store that was interrupted is filled from the first missing one, and several
processes may fill one store: who writes a shard twice writes the same.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError
from poolwise.core.files import write_bytes, write_text
from poolwise.core.interfaces import ImageSource, Progress
from poolwise.core.types import Floats, Ids

FORMAT = 1
SHARD = 4096
"""Rows of a shard: 21 MB at a width of 1,280, and some 45 s of work lost at most when a CPU is interrupted."""
PROBES = 64
"""Pictures that are read to tell sources apart which decode the same files in different ways."""

Compute = Callable[[Ids, Progress | None], Floats]


@dataclass(frozen=True)
class EmbeddingStore:
    """The embeddings of N pictures by one network.

    Attributes:
        root: folder of all stores.
        rows: N.
        width: D.
        facts: name -> text of all that decides the numbers.
    """

    root: Path
    rows: int
    width: int
    facts: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """Return 32 hexadecimal digits over the facts and the shape."""
        text = json.dumps([FORMAT, SHARD, self.rows, self.width, dict(sorted(self.facts.items()))])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def folder(self) -> Path:
        """Return the folder of this store."""
        return self.root / self.fingerprint

    def missing(self, ids: Ids | None = None) -> list[int]:
        """Return the shards that are not there yet, or not sound; of those that hold `ids` alone where they are given."""
        wanted = range(-(-self.rows // SHARD)) if ids is None else np.unique(np.asarray(ids) // SHARD).tolist()
        return [shard for shard in wanted if self._opened(shard) is None]

    def ids(self, shard: int) -> Ids:
        """Return the sample ids of a shard, ascending."""
        return np.arange(shard * SHARD, min((shard + 1) * SHARD, self.rows), dtype=np.int64)

    def write(self, shard: int, values: Floats) -> None:
        """Write a shard, and what the store is of beside it.

        Args:
            shard: its number.
            values: (n, D) embeddings of `ids(shard)`.
        """
        if values.shape != (len(self.ids(shard)), self.width):
            raise DataError(f"shard {shard} takes {(len(self.ids(shard)), self.width)} numbers; got {values.shape}.")
        about = self.folder / "store.json"
        if not about.is_file():
            content = {
                "format": FORMAT,
                "shard": SHARD,
                "rows": self.rows,
                "width": self.width,
                "facts": dict(self.facts),
            }
            write_text(about, json.dumps(content, indent=1) + "\n")
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(values, dtype=np.float32))
        write_bytes(self._file(shard), buffer.getvalue())

    def read(self, ids: Ids) -> NDArray[np.float32]:
        """Return the embeddings (n, D) of samples in the order of `ids`; their shards are mapped, not read whole.

        Raises:
            DataError: a shard that is not there.
        """
        found = np.empty((len(ids), self.width), dtype=np.float32)
        if not len(ids):
            return found
        order = np.argsort(ids, kind="stable")
        shards, starts = np.unique(np.asarray(ids)[order] // SHARD, return_index=True)
        for shard, rows in zip(shards.tolist(), np.split(order, starts[1:]), strict=True):
            found[rows] = self._rows(shard)[np.asarray(ids)[rows] - shard * SHARD]
        return found

    def blocks(self) -> Iterator[tuple[Ids, NDArray[np.float32]]]:
        """Yield (ids, embeddings) shard by shard, for pools that do not fit into memory."""
        for shard in range(-(-self.rows // SHARD)):
            yield self.ids(shard), self._rows(shard)

    def _rows(self, shard: int) -> NDArray[np.float32]:
        found = self._opened(shard)
        if found is None:
            raise DataError(f"{self._file(shard)} is missing or damaged; the same command again fills the store.")
        return found

    def _file(self, shard: int) -> Path:
        return self.folder / f"{shard:06d}.npy"

    def _opened(self, shard: int) -> NDArray[np.float32] | None:
        try:
            found = np.load(self._file(shard), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):  # not there, or cut off: it is written anew
            return None
        fits = found.shape == (len(self.ids(shard)), self.width) and found.dtype == np.float32
        return found if fits else None


def fill(store: EmbeddingStore, ids: Ids, compute: Compute, progress: Progress | None = None) -> None:
    """Compute and write the shards that samples lie in, as far as they are missing.

    Args:
        store: the store.
        ids: (n,) samples that will be read.
        compute: embeddings (m, D) of samples, with progress within them.
        progress: told of all samples that are computed now.
    """
    missing = store.missing(ids)
    total, done = sum(len(store.ids(shard)) for shard in missing), 0
    for shard in missing:
        own = store.ids(shard)
        store.write(shard, compute(own, _ahead(progress, done, total)))
        done += len(own)


def _ahead(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return progress that counts on from what other shards have done."""
    return progress and (lambda _, done, __: progress("embed", before + done, total))


def pictures_digest(images: ImageSource) -> str:
    """Return SHA-256 over what decides the pixels of every sample: names, contents, and some pictures as they are read.

    Labels and splits are left out: they do not change an embedding.
    """
    manifest = images.manifest
    digest = hashlib.sha256(f"{images.shape} {manifest.contents}\n".encode())
    digest.update("\n".join(manifest.paths).encode())
    probes = np.unique(np.linspace(0, len(manifest) - 1, min(PROBES, len(manifest))).astype(np.int64))
    digest.update(np.ascontiguousarray(images.read(probes)).tobytes())
    return digest.hexdigest()

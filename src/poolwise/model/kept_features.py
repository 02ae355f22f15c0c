"""Embeddings in a file: runs over the same pictures need not compute them again."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poolwise.core.files import sync
from poolwise.core.interfaces import ImageSource

PROBES = 64
"""Pictures that are read to tell sources apart which decode the same files in different ways."""


def pictures_digest(images: ImageSource) -> str:
    """Return the SHA-256 over what decides the pixels of every sample: names, contents, and some pictures as they are read.

    Labels and splits are left out: they do not change an embedding.
    """
    manifest = images.manifest
    digest = hashlib.sha256(f"{images.shape} {manifest.contents}\n".encode())
    digest.update("\n".join(manifest.paths).encode())
    probes = np.unique(np.linspace(0, len(manifest) - 1, min(PROBES, len(manifest))).astype(np.int64))
    digest.update(np.ascontiguousarray(images.read(probes)).tobytes())
    return digest.hexdigest()


def open_features(file: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Return the (N, D) float32 array of a file, memory-mapped; None where there is none of this shape."""
    try:
        found = np.load(file, mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):  # not there, or no such file: it is written anew
        return None
    return found if found.shape == shape and found.dtype == np.float32 else None


def write_features(file: Path, features: NDArray[np.float32]) -> None:
    """Write an array whole or not at all; of two writers at one time the later one stays, and both wrote the same."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}-{secrets.token_hex(6)}.partial")
    try:
        with partial.open("xb") as stream:
            np.save(stream, features)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    sync(file.parent)

"""The idx format of MNIST and its relatives (LeCun, Cortes and Burges 1998), gzipped or not."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError

UNSIGNED_BYTE = 0x08
NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def parse_idx(content: bytes) -> NDArray[np.uint8]:
    """Return the array of an idx file of bytes: two zero bytes, type, rank, big-endian 32-bit sizes, values.

    Raises:
        ValueError: the header is another or the length does not fit it.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])).tolist()
    [7, 9]
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTE]):
        raise ValueError("it does not begin as an idx file of bytes")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError("its header is cut off")
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    expected = int(np.prod(shape, dtype=np.int64))
    if len(content) - start != expected:
        raise ValueError(f"it should hold {expected} values of shape {shape} and holds {len(content) - start}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def read_idx(file: Path) -> NDArray[np.uint8]:
    """Return the array in a file.

    Raises:
        DataError: names the file and what is wrong with it.
    """
    try:
        content = file.read_bytes()
        return parse_idx(gzip.decompress(content) if file.suffix == ".gz" else content)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"{file} cannot be read: {error}; delete it and fetch it anew.") from error


def find_idx(folders: list[Path]) -> dict[str, Path] | None:
    """Return the four files (name without .gz to path) of the first folder that has them all, else None."""
    for folder in folders:
        files = {name: file for name in NAMES for file in (folder / f"{name}.gz", folder / name) if file.is_file()}
        if len(files) == len(NAMES):
            return files
    return None

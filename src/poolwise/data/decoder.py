"""Many picture files to pixels: through threads, kept in memory where they fit."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import UnreadableImages, listed
from poolwise.core.interfaces import Progress
from poolwise.core.types import Ids
from poolwise.data.decoding import Form, Pixels, attempt, fault
from poolwise.data.formats.record import Box

T = TypeVar("T")
CHUNK = 512
"""Pictures between two signs of life; Ctrl-C waits for no more than these."""
WORTH_THREADS = 8


def default_threads() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Decoder:
    """The pictures of a set by sample id.

    Args:
        files: (N,) the file of each sample.
        boxes: (N,) the part of it that is meant, None for all of it; None if that is so everywhere.
        form: the shape that all of them get.
        cache_bytes: they are kept in memory if all of them fit into this.
        threads: for decoding; 0 is one for each core.
    """

    def __init__(
        self,
        files: Sequence[Path],
        form: Form,
        cache_bytes: int,
        threads: int,
        boxes: Sequence[Box | None] | None = None,
    ) -> None:
        self.form = form
        self.in_memory = len(files) * int(np.prod(form.shape)) <= cache_bytes
        self._files = files
        self._boxes = boxes
        self._threads = threads or default_threads()
        # np.empty touches no memory before a picture is written to it
        self._kept: Pixels = np.empty((len(files) if self.in_memory else 0, *form.shape), dtype=np.uint8)
        self._filled: NDArray[np.bool_] = np.zeros(len(files), dtype=bool)
        self._faults: dict[int, str] | None = None

    def read(self, ids: Ids) -> Pixels:
        """Return (n, channels, size, size) pixels.

        Raises:
            UnreadableImages: names the files.
        """
        if not self.in_memory:
            return self._decoded(ids)
        missing = np.unique(ids[~self._filled[ids]])
        for part in _chunks(missing):
            self._kept[part] = self._decoded(part)
            self._filled[part] = True
        return self._kept[ids]

    def faults(self, progress: Progress | None) -> list[tuple[int, str]]:
        """Return (sample_id, why) of files that cannot be decoded; the first call decodes each, later ones recall it."""
        if self._faults is None:
            self._faults = self._search(progress)
        return sorted(self._faults.items())

    def _search(self, progress: Progress | None) -> dict[int, str]:
        found: dict[int, str] = {}
        total = len(self._files)
        for part in _chunks(np.arange(total)):
            told = zip(part.tolist(), self._each(self._fault, part), strict=True)
            found.update({at: why for at, why in told if why})
            if progress is not None:
                progress("reading pictures", int(part[-1]) + 1, total)
        return found

    def _fault(self, at: int) -> str:
        """Look at one file; where there is room, keep what was decoded."""
        if not self.in_memory:
            return fault(self._files[at], self._box(at))
        result = attempt(self._files[at], self.form, self._box(at))
        if isinstance(result, str):
            return result
        self._kept[at] = result
        self._filled[at] = True
        return ""

    def _box(self, at: int) -> Box | None:
        return None if self._boxes is None else self._boxes[at]

    def _decoded(self, ids: Ids) -> Pixels:
        images = np.empty((len(ids), *self.form.shape), dtype=np.uint8)
        broken = []
        for row, result in enumerate(self._each(lambda at: attempt(self._files[at], self.form, self._box(at)), ids)):
            if isinstance(result, str):
                broken.append(f"{self._files[ids[row]]} ({result})")
            else:
                images[row] = result
        if broken:
            raise UnreadableImages(
                f"{len(broken)} pictures cannot be read: {listed(broken)}; they were missing or damaged from the "
                "start, or changed while the program ran. Restore them, or take them out of the data."
            )
        return images

    def _each(self, work: Callable[[int], T], ids: Ids) -> Iterator[T]:
        """Yield results in order. Worker processes of a data loader are parallel already and take one thread each."""
        numbers = ids.tolist()
        threads = 1 if multiprocessing.parent_process() is not None else min(self._threads, len(numbers))
        if threads <= 1 or len(numbers) < WORTH_THREADS:
            yield from map(work, numbers)
            return
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(work, numbers)


def _chunks(ids: Ids) -> Iterator[Ids]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]

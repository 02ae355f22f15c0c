"""Where minibatches come from: an array in memory, or pictures read a little ahead of the network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from poolwise.core.interfaces import ImageSource
from poolwise.core.types import Ids

Item = TypeVar("Item")
LOOK_AHEAD = 2
"""Batches read before they are asked for."""
CHUNK_BYTES = 64 * 2**20
"""Most bytes of float32 pictures that are scored at once."""
STATISTICS_SAMPLES = 512
"""Pictures from which mean and standard deviation are taken where reading means decoding."""


class Inputs(Protocol):
    """Samples by row number."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def take(self, rows: Tensor) -> Tensor:
        """Return the network's input for these rows."""

    def batches(self, plan: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (rows, inputs) for each set of rows, in order."""


@dataclass(frozen=True, eq=False)
class InMemory:
    """Inputs (L, ...) held as one tensor, on the device that computes."""

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Tensor) -> Tensor:
        """Return a copy of these rows."""
        return self.values[rows.to(self.values.device)]

    def batches(self, plan: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield copies, one by one."""
        return ((rows, self.take(rows)) for rows in plan)


@dataclass(frozen=True, eq=False)
class FromSource:
    """Pictures that are decoded when they are wanted; decoding runs ahead in a thread, never more than a few batches.

    Sources decode in parallel themselves, and decoding lets other threads work: worker processes would only copy.
    """

    images: ImageSource
    ids: Ids

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Tensor) -> Tensor:
        """Read these rows. Raises UnreadableImages."""
        return as_tensor(self.images.read(self.ids[rows.numpy()]))

    def batches(self, plan: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Read ahead."""
        return ahead(plan, self.take)


def as_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """Return the same memory as a tensor; a copy where the array is read-only or not in C order."""
    return torch.from_numpy(np.require(pictures, requirements=["C", "W"]))


def inputs_of(images: ImageSource, ids: Ids, device: torch.device) -> Inputs:
    """Return pictures by row of `ids`, copied to the device once where they are in memory."""
    if images.in_memory:
        return InMemory(as_tensor(images.read(ids)).to(device))
    return FromSource(images, ids)


def statistics_sample(inputs: Inputs) -> Tensor:
    """Return the pictures to take mean and deviation from: all in memory, else evenly spaced ones."""
    if isinstance(inputs, InMemory):
        return inputs.values
    count = min(len(inputs), STATISTICS_SAMPLES)
    return inputs.take(torch.linspace(0, len(inputs) - 1, count).round().long())


def ahead(items: Iterable[Item], read: Callable[[Item], Tensor]) -> Iterator[tuple[Item, Tensor]]:
    """Yield (item, read(item)) in order, reading up to `LOOK_AHEAD` items before they are asked for.

    >>> [(item, int(value)) for item, value in ahead([1, 2, 3], torch.tensor)]
    [(1, 1), (2, 2), (3, 3)]
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    waiting: deque[tuple[Item, Future[Tensor]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(read, item)))
            if len(waiting) > LOOK_AHEAD:
                first, value = waiting.popleft()
                yield first, value.result()
        while waiting:
            first, value = waiting.popleft()
            yield first, value.result()
    finally:  # also when training stops in the middle of a pass
        pool.shutdown(wait=True, cancel_futures=True)


def steps_of(count: int, batch_size: int) -> int:
    """Return the number of steps of one pass over `count` samples.

    >>> steps_of(65, 64), steps_of(1, 64)
    (2, 1)
    """
    return -(-count // batch_size)


def shuffled(count: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    """Return one pass over `count` samples in random order, in batches of nearly one size, at most `batch_size`.

    Even sizes, so that the last batch is no straggler: batch normalisation cannot learn from one sample. A single
    sample comes twice for the same reason.

    >>> [len(batch) for batch in shuffled(65, 64, torch.Generator())], [len(b) for b in shuffled(1, 64, torch.Generator())]
    ([33, 32], [2])
    """
    order = torch.randperm(count, generator=generator)
    if count == 1:
        return [order.repeat(2)]
    return list(torch.tensor_split(order, steps_of(count, batch_size)))


class Passes:
    """What a trainer iterates: each iteration is one shuffled pass of (inputs, labels), or (inputs, labels, rows)."""

    def __init__(
        self,
        inputs: Inputs,
        labels: Tensor,
        batch_size: int,
        generator: torch.Generator | None,
        *,
        numbered: bool = False,
    ) -> None:
        self.inputs = inputs
        self.labels = labels
        self.batch_size = batch_size
        self.generator = generator
        """None: in order."""
        self.numbered = numbered

    def __len__(self) -> int:
        return steps_of(len(self.inputs), self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        plan = (
            self._in_order() if self.generator is None else shuffled(len(self.inputs), self.batch_size, self.generator)
        )
        batches = self.inputs.batches(plan)
        if self.numbered:
            return ((values, self.labels[rows], rows) for rows, values in batches)
        return ((values, self.labels[rows]) for rows, values in batches)

    def _in_order(self) -> Sequence[Tensor]:
        return torch.split(torch.arange(len(self.inputs)), self.batch_size)


class Rows(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """The same samples as a map-style data set, for strategies that share them out among several devices.

    `order` (L,) is the order in which a sampler finds them: Lightning's own sampler knows nothing of our seed, and a
    generator cannot be sent to another process.
    """

    def __init__(self, inputs: Inputs, labels: Tensor, order: Tensor) -> None:
        self.inputs = inputs
        self.labels = labels
        self.order = order

    def __len__(self) -> int:
        return max(2, len(self.inputs))  # a single sample comes twice, see `shuffled`

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        inputs, labels = self.__getitems__([row])
        return inputs[0], labels[0]

    def __getitems__(self, rows: Sequence[int]) -> Any:
        picked = self.order[torch.tensor(rows) % len(self.inputs)]
        return self.inputs.take(picked), self.labels[picked]


def chunk_size(images: ImageSource, batch_size: int) -> int:
    """Return the pictures to score at once: `batch_size`, or as many as `CHUNK_BYTES` hold as float32."""
    return max(1, min(batch_size, CHUNK_BYTES // (4 * int(np.prod(images.shape)))))


def chunks(images: ImageSource, ids: Ids, batch_size: int) -> Iterator[tuple[slice, Tensor]]:
    """Yield (rows, pictures) over all ids in order, small enough that `CHUNK_BYTES` hold the pictures as float32."""
    size = chunk_size(images, batch_size)
    parts = [slice(start, min(start + size, len(ids))) for start in range(0, len(ids), size)]

    def read(part: slice) -> Tensor:
        return as_tensor(images.read(ids[part]))

    return ((part, read(part)) for part in parts) if images.in_memory else ahead(parts, read)

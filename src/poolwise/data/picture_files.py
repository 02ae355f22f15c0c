"""What sources of single picture files share: options, caching, hidden labels."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np

from poolwise.core.errors import ConfigError, DataError
from poolwise.core.interfaces import ImageSource, Progress
from poolwise.core.ranges import BelowOne, Checked, Count, Natural, OneOf, Share
from poolwise.core.types import Augmentation, Ids, Labels, Manifest, PictureForm, Task
from poolwise.data.catalogue import HeldOut, Row, build_manifest, digest_sizes, hidden
from poolwise.data.decoding import Decoder
from poolwise.data.formats.record import split_place
from poolwise.data.pictures import Form, Pixels, Resize, short_side

MEGABYTE = 2**20
AUTO = "auto"
SMALL = 64
"""Pixels a side below which pictures keep their own size: a network for photographs has nothing to see in them."""
PLAIN = 64
"""Pixels a side where nobody says what is wanted."""
PROBES = 64
"""Pictures whose sizes are looked at."""


@dataclass(frozen=True)
class Listing:
    """What a folder or table tells, before it is numbered; `root` is where relative paths start."""

    name: str
    root: Path
    rows: Sequence[Row]
    classes: tuple[str, ...]
    task: Task


@dataclass(frozen=True, kw_only=True)
class PictureFiles(Checked, ImageSource):
    """Options and behaviour of sources whose pictures are files; a subclass says which.

    A path that ends in `#xywh=10,20,30,40` (a media fragment) means that part of the file: x, y, width, height in pixels.

    Attributes:
        classes: the class list and its order; None takes the classes found, sorted.
        image_size: pixels a side; "auto" takes the size that the model wants, and of pictures with shorter sides below
            `SMALL` their own.
        channels: 1 for grey, 3 for RGB.
        resize: how a picture becomes a square.
        augmentation: what may be done to training pictures.
        cache_mb: decoded pictures are kept in memory if all fit into this many MB; else files are read each time.
        workers: threads that decode; 0 is one for each core.
        test_fraction: share of the labelled pictures held out for testing if the data name no test pictures.
        validation_fraction: likewise for validation.
        split_seed: which pictures are held out; has nothing to do with the seed of a run.
        max_unreadable: share of pictures that may be missing or damaged before a run refuses to start.
        hide_labels: treat the labels of the pool as unknown, for simulations.
        transform: what the model wants, where `image_size` is "auto"; the jobs set it.
    """

    classes: tuple[str, ...] | None = None
    image_size: Count | str = AUTO
    channels: Annotated[int, OneOf(1, 3)] = 3
    resize: Resize = Resize.CROP
    augmentation: Augmentation = Augmentation.SHIFT_FLIP
    cache_mb: Natural = 1024
    workers: Natural = 0
    test_fraction: BelowOne = 0.2
    validation_fraction: BelowOne = 0.0
    split_seed: int = 0
    max_unreadable: Share = 0.01
    hide_labels: bool = False
    transform: PictureForm | None = field(default=None, metadata={"setting": False})

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.image_size, str) and self.image_size != AUTO:
            raise ConfigError(f"data.image_size is {self.image_size!r}; it is a number of pixels, or auto.")
        held_out = self.test_fraction + self.validation_fraction
        if held_out >= 1:
            raise ConfigError(f"data.test_fraction + data.validation_fraction is {held_out}; nothing would be left.")

    def _list(self) -> Listing:
        raise NotImplementedError

    @cached_property
    def _told(self) -> tuple[Path, Manifest]:
        """The root and everything known, labels of the pool included."""
        listing = self._list()
        held_out = HeldOut(self.test_fraction, self.validation_fraction, self.split_seed)
        manifest = build_manifest(listing.name, listing.rows, listing.classes, listing.task, held_out)
        sizes = [size_of(listing.root / split_place(path)[0]) for path in manifest.paths]
        if max(sizes) < 0:
            raise DataError(
                f"none of the {len(manifest)} pictures of {listing.name} exists; the first was looked for at "
                f"{listing.root / manifest.paths[0]}. Say where they are with data.root=..."
            )
        return listing.root, dataclasses.replace(manifest, contents=digest_sizes(manifest.paths, sizes))

    @cached_property
    def manifest(self) -> Manifest:
        """What is known before the run; without the labels of the pool if `hide_labels`."""
        return hidden(self._told[1]) if self.hide_labels else self._told[1]

    @cached_property
    def _decoder(self) -> Decoder:
        root, manifest = self._told
        places = [split_place(path) for path in manifest.paths]
        files, boxes = [root / path for path, _ in places], [box for _, box in places]
        return Decoder(files, self._form, self.cache_mb * MEGABYTE, self.workers, boxes if any(boxes) else None)

    @property
    def _form(self) -> Form:
        if not isinstance(self.image_size, str):
            return Form(self.image_size, self.channels, self.resize)
        wanted = self.transform or PictureForm(PLAIN)
        if self._own_side < SMALL:
            return Form(min(self._own_side, wanted.side), self.channels, self.resize)
        return Form(wanted.side, self.channels, self.resize, wanted.share, wanted.bicubic)

    @cached_property
    def _own_side(self) -> int:
        """Return the median of the pictures' shorter sides, of `PROBES` of them; PLAIN where none can be read."""
        places = [split_place(path) for path in self._told[1].paths]
        step = -(-len(places) // PROBES)
        sides = [short_side(self._told[0] / path, box) for path, box in places[::step]]
        known = [side for side in sides if side]
        return int(np.median(known)) if known else PLAIN

    def transformed(self, transform: PictureForm) -> PictureFiles:
        """Return the same pictures as a model wants them, where `image_size` leaves that open."""
        return dataclasses.replace(self, transform=transform) if self.image_size == AUTO else self

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return self._form.shape

    @property
    def in_memory(self) -> bool:
        """Return whether all decoded pictures fit into `cache_mb`."""
        return self._decoder.in_memory

    def read(self, ids: Ids) -> Pixels:
        """Return (n, channels, height, width) pixels; decode what is not in memory. Raises UnreadableImages."""
        return self._decoder.read(ids)

    def file(self, sample_id: int) -> Path | None:
        """Return the picture's own file; None for a part of one."""
        root, manifest = self._told
        path, box = split_place(manifest.paths[sample_id])
        return root / path if box is None else None

    def place(self, sample_id: int) -> str:
        """Return where the picture lies, with the box behind it for a part of one."""
        root, manifest = self._told
        return str(root.resolve() / manifest.paths[sample_id])

    def unreadable(self, progress: Progress | None = None) -> list[tuple[int, str]]:
        """Decode every picture once, into memory where they fit; (sample_id, why) of those that cannot be."""
        return self._decoder.faults(progress)

    def hidden_labels(self) -> Labels:
        """Return all known labels, (N,) or (N, C). For the simulated annotator alone."""
        return self._told[1].labels


def size_of(file: Path) -> int:
    """Return a file's bytes, -1 if there is no such file."""
    try:
        return os.stat(file).st_size
    except OSError:
        return -1

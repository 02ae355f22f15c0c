"""What every format says of a picture."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from poolwise.core.errors import FormatError
from poolwise.core.labels import Label

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels from the upper left corner."""
_CROP = re.compile(r"#xywh=(\d+(?:\.\d+)?),(\d+(?:\.\d+)?),(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)$")


@dataclass(frozen=True)
class Record:
    """One picture in a file of labels.

    Attributes:
        path: of the picture, as the file names it.
        names: the classes as the file spells them, () for "none of them"; None where nothing is said yet.
        sample_id: where the file keeps it.
        annotator: who said so, "" if the file does not tell.
        split: "", or what the file calls it.
        size: (width, height) in pixels of the whole picture, where known.
        box: of a crop; None for the whole picture.
        suggested: what a model would say; never a label.
        probability, score, reason, details: as in `types.Ask`.
        where: place in the file, for messages.
    """

    path: str
    names: tuple[str, ...] | None = None
    sample_id: int | None = None
    annotator: str = ""
    split: str = ""
    size: tuple[int, int] | None = None
    box: Box | None = None
    suggested: tuple[str, ...] | None = None
    probability: float | None = None
    score: float | None = None
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""

    @property
    def place(self) -> str:
        """The path, and behind it the box as a media fragment: one text for each picture or crop.

        >>> Record("a.jpg", box=(1, 2.5, 30, 40)).place
        'a.jpg#xywh=1,2.5,30,40'
        """
        return crop_place(self.path, self.box) if self.box else self.path


def crop_place(path: str, box: Box) -> str:
    """Return a path with a box behind it, as W3C's media fragments write it (whole numbers without a point)."""
    return f"{path}#xywh={','.join(f'{side:.2f}'.rstrip('0').rstrip('.') for side in box)}"


def split_place(place: str) -> tuple[str, Box | None]:
    """Return the path and the box of a place, None for the whole picture.

    >>> split_place("a.jpg#xywh=1,2.5,30,40"), split_place("a#b.jpg")
    (('a.jpg', (1.0, 2.5, 30.0, 40.0)), ('a#b.jpg', None))
    """
    found = _CROP.search(place)
    if found is None:
        return place, None
    x, y, width, height = (float(side) for side in found.groups())
    return place[: found.start()], (x, y, width, height)


def names_of(label: Label) -> tuple[str, ...] | None:
    """Return a label as a tuple of names.

    >>> names_of("cat"), names_of(("a", "b")), names_of(None)
    (('cat',), ('a', 'b'), None)
    """
    return (label,) if isinstance(label, str) else label


def box_of(value: Any, where: str) -> Box:
    """Return a box with four finite numbers, rounded to hundredths of a pixel as `Record.place` writes them.

    >>> box_of([1, 2.25, 30, 40], "x")
    (1.0, 2.25, 30.0, 40.0)

    Raises:
        FormatError: it is none, or has no area.
    """
    numbers = value if isinstance(value, list) and len(value) == 4 else []
    plain = [float(side) for side in numbers if isinstance(side, (int, float)) and not isinstance(side, bool)]
    if len(plain) != 4 or not all(math.isfinite(side) and abs(side) < 1e9 for side in plain):
        raise FormatError(f"{where}: bbox is {str(value)[:60]}; a crop needs [x, y, width, height].")
    x, y, width, height = plain
    # boxes drawn beyond the edge begin at it
    left, top = max(0.0, x), max(0.0, y)
    box = tuple(round(side, 2) for side in (left, top, width - (left - x), height - (top - y)))
    if box[2] < 0.01 or box[3] < 0.01:
        raise FormatError(f"{where}: bbox is {value}, which has no area inside the picture; remove it.")
    return box[0], box[1], box[2], box[3]

"""Pictures as people hold them, read a few at a time as (n, C, H, W)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import InvalidArray, listed
from poolwise.core.types import Ids

CHANNELS = (1, 3, 4)
"""Lengths by which the axis of the channels is told from the sides; the second axis is asked first."""
Layout = Literal["nhw", "nchw", "nhwc"]


@dataclass(frozen=True)
class Pictures:
    """Pictures of one shape by row number, however they are given.

    Attributes:
        images: uint8 (N, H, W), (N, C, H, W) or (N, H, W, C), a sequence of N such pictures, or a function of row numbers
            (n,) that returns n of them.
        count: N.
    """

    images: Any
    count: int
    _shapes: set[tuple[int, ...]] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        """Compare lengths.

        Raises:
            InvalidArray: not N pictures.
        """
        held = len(self.images) if hasattr(self.images, "__len__") else None
        if not callable(self.images) and held != self.count:
            got = f"{type(self.images).__name__}" if held is None else f"{held}"
            raise InvalidArray(
                f"images must be one for each of {self.count} rows, or a function of row numbers; got {got}."
            )

    def read(self, rows: Ids) -> NDArray[np.uint8]:
        """Return pictures (n, C, H, W).

        Raises:
            InvalidArray: not uint8, not a picture for each row, or not all of one shape.

        >>> Pictures(np.zeros((5, 8, 6, 3), dtype=np.uint8), 5).read(np.array([4, 1])).shape
        (2, 3, 8, 6)
        """
        array = self.raw(rows)
        layout = _layout(array.shape)
        return array[:, None] if layout == "nhw" else array.transpose(0, 3, 1, 2) if layout == "nhwc" else array

    def raw(self, rows: Ids) -> NDArray[np.uint8]:
        """Return pictures with axes in the order in which they are given."""
        array: Any
        if callable(self.images):
            array = np.asarray(self.images(rows))
        elif isinstance(self.images, np.ndarray):
            array = self.images[rows]
        else:
            each = [np.asarray(self.images[int(row)]) for row in rows]
            self._one_shape({picture.shape for picture in each})
            array = np.stack(each)
        if array.dtype != np.uint8 or array.ndim not in (3, 4) or len(array) != len(rows) or 0 in array.shape:
            raise InvalidArray(
                "images must be uint8 (n, H, W), (n, C, H, W) or (n, H, W, C) with 1, 3 or 4 channels; "
                f"for {len(rows)} rows got {array.dtype} of shape {array.shape}."
            )
        _layout(array.shape)
        self._one_shape({array.shape[1:]})
        return np.asarray(array)

    def _one_shape(self, shapes: set[tuple[int, ...]]) -> None:
        self._shapes.update(shapes)
        if len(self._shapes) > 1:
            raise InvalidArray(
                f"images must all have one shape; got {listed(sorted(self._shapes))}. Resize them first."
            )


def as_given(pictures_nchw: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return pictures with axes in the order of an array of this shape.

    >>> as_given(np.zeros((2, 3, 8, 6), dtype=np.uint8), (5, 8, 6, 3)).shape
    (2, 8, 6, 3)
    """
    layout = _layout(shape)
    return (
        pictures_nchw[:, 0]
        if layout == "nhw"
        else pictures_nchw.transpose(0, 2, 3, 1)
        if layout == "nhwc"
        else pictures_nchw
    )


def _layout(shape: tuple[int, ...]) -> Layout:
    if len(shape) == 3:
        return "nhw"
    if shape[1] in CHANNELS:
        return "nchw"
    if shape[3] in CHANNELS:
        return "nhwc"
    raise InvalidArray(
        f"images of shape {shape} have no axis of 1, 3 or 4 channels; give (n, C, H, W) or (n, H, W, C)."
    )

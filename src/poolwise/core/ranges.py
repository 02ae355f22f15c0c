"""Check settings against the ranges that their annotations state.

A field says its range where it says its type: `rounds: Count = 2`, `threshold: Annotated[float, Interval(gt=0, le=1)]`,
`partial: Annotated[str, OneOf("wait", "train")]`. `core/parts.py` checks what a yaml gives, with its full key; a class
that derives from `Checked` is checked however it is made.
"""

from __future__ import annotations

import functools
import math
import operator
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sized
from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval, Le, Lt, MinLen

from poolwise.core.errors import ConfigError, listed


class OneOf:
    """The values that a setting may have."""

    def __init__(self, *values: Any) -> None:
        self.values = values


Natural = Annotated[int, Ge(0)]
Count = Annotated[int, Ge(1)]
Share = Annotated[float, Interval(ge=0, le=1)]
BelowOne = Annotated[float, Interval(ge=0, lt=1)]
Positive = Annotated[float, Interval(gt=0, lt=math.inf)]
NonNegative = Annotated[float, Interval(ge=0, lt=math.inf)]
Factor = Annotated[float, Interval(ge=1, lt=math.inf)]


class Checked:
    """Base of dataclasses whose fields state their ranges; `__post_init__` of a subclass calls this one first."""

    def __post_init__(self) -> None:
        """Raise ConfigError for the first field out of its range."""
        check_ranges(type(self), vars(self), type(self).__name__)


def check_ranges(target: type, values: Mapping[str, Any], where: str = "") -> None:
    """Check values of a dataclass's fields against their annotations.

    Raises:
        ConfigError: a value out of its range; names the key below `where`, the value and the range.

    >>> import dataclasses
    >>> Rule = dataclasses.make_dataclass("Rule", [("rounds", Count), ("shares", tuple[Share, ...])])
    >>> check_ranges(Rule, {"rounds": 0}, "stopping.rule")
    Traceback (most recent call last):
    poolwise.core.errors.ConfigError: stopping.rule.rounds is 0; it must be at least 1.
    >>> check_ranges(Rule, {"shares": (0.5, 2.0)})
    Traceback (most recent call last):
    poolwise.core.errors.ConfigError: shares[1] is 2.0; it must be at least 0 and at most 1.
    """
    for name, hint in _hints(target).items():
        if name in values:
            _check(hint, values[name], f"{where}.{name}" if where else name)


@functools.cache
def _hints(target: type) -> Mapping[str, Any]:
    hints = typing.get_type_hints(target, include_extras=True)
    return {name: hint for name, hint in hints.items() if _states_range(hint)}


def _states_range(hint: Any) -> bool:
    return bool(list(_limits(hint))) or any(map(_states_range, typing.get_args(hint)))


def _limits(hint: Any) -> Iterator[Any]:
    for each in getattr(hint, "__metadata__", ()):
        if isinstance(each, (Ge, Gt, Le, Lt, Interval, MinLen, OneOf)):
            yield from each if isinstance(each, Interval) else (each,)


def _check(hint: Any, value: Any, where: str) -> None:
    if value is None:
        return
    limits = list(_limits(hint))
    if not all(_holds(limit, value) for limit in limits):
        expected = " and ".join(map(_words, limits))
        raise ConfigError(f"{where} is {value!r}; it must be {expected}.")
    if typing.get_origin(hint) in (typing.Union, types.UnionType, Annotated):
        for member in typing.get_args(hint)[: 1 if limits or hasattr(hint, "__metadata__") else None]:
            _check(member, value, where)
    elif isinstance(value, (list, tuple)) and typing.get_args(hint):
        for at, item in enumerate(value):
            _check(typing.get_args(hint)[0], item, f"{where}[{at}]")
    elif isinstance(value, Mapping) and len(typing.get_args(hint)) == 2:
        for key, item in value.items():
            _check(typing.get_args(hint)[1], item, f"{where}.{key}")


def _holds(limit: Any, value: Any) -> bool:
    if isinstance(limit, OneOf):
        return value in limit.values
    if isinstance(limit, MinLen):
        return not isinstance(value, Sized) or len(value) >= limit.min_length
    if not isinstance(value, (int, float)):  # another member of a union: its type is checked elsewhere
        return True
    test, bound, _ = _comparison(limit)
    return bool(test(value, bound))


def _words(limit: Any) -> str:
    if isinstance(limit, OneOf):
        return f"one of {listed(map(str, limit.values), 20)}"
    if isinstance(limit, MinLen):
        return "not empty" if limit.min_length == 1 else f"{limit.min_length} or more"
    _, bound, word = _comparison(limit)
    return "finite" if bound == math.inf else f"{word} {bound:g}"


def _comparison(limit: Any) -> tuple[Callable[[Any, Any], Any], float, str]:
    for kind, test, word in (
        (Ge, operator.ge, "at least"),
        (Gt, operator.gt, "above"),
        (Le, operator.le, "at most"),
        (Lt, operator.lt, "below"),
    ):
        if isinstance(limit, kind):
            return test, getattr(limit, kind.__name__.lower()), word
    raise TypeError(limit)

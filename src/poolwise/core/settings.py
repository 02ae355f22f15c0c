"""Settings of a job: the dataclass is their schema and the only place of their defaults, and explains each in a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, field, fields
from typing import Any


def setting(default: Any, explanation: str) -> Any:
    """Return a field of a job's settings.

    Args:
        default: its value; a dataclass for settings of its own below this one.
        explanation: a line for `--help`.
    """
    below = default if isinstance(default, type) else None
    metadata = {"explanation": explanation, "below": below}
    if below is not None or default == {}:
        return field(default_factory=lambda: defaults_of(below) if below else {}, metadata=metadata)
    return field(default=default, metadata=metadata)


def defaults_of(settings: type) -> dict[str, Any]:
    """Return name -> default, as plain data, of all that `setting` made.

    >>> import dataclasses
    >>> Plant = dataclasses.make_dataclass("Plant", [("share", float, setting(0.1, "of the labels"))])
    >>> defaults_of(dataclasses.make_dataclass("Audit", [("plant", dict, setting(Plant, "errors on purpose"))]))
    {'plant': {'share': 0.1}}
    """
    own = [each for each in fields(settings) if "explanation" in each.metadata]
    return {
        each.name: _plain(each.default) if each.default_factory is MISSING else each.default_factory() for each in own
    }


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def explained(text: str, settings: type) -> str:
    """Return settings as YAML with the explanation of each behind it.

    >>> import dataclasses
    >>> explained("share: 0.2", dataclasses.make_dataclass("Plant", [("share", float, setting(0.1, "of the labels"))]))
    'share: 0.2  # of the labels'
    """
    known, lines, above = dict(_explanations(settings)), [], ""
    for line in text.split("\n"):
        if match := re.match(r"(  )?(\w+):", line):
            name = f"{above}.{match[2]}" if match[1] else match[2]
            above = above if match[1] else match[2]
            line += f"  # {known[name]}" if name in known else ""
        lines.append(line)
    return "\n".join(lines)


def _explanations(settings: type) -> Iterator[tuple[str, str]]:
    for each in fields(settings):
        if "explanation" in each.metadata:
            yield each.name, each.metadata["explanation"]
            if each.metadata["below"]:
                yield from ((f"{each.name}.{name}", line) for name, line in _explanations(each.metadata["below"]))

"""The settings of a run as text, without passwords: a report is made to be passed on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

HIDDEN = "(hidden)"
_SECRET_KEY = re.compile(r"(?i)(^|_|-)(passw(or)?d|secret|token|api_?key|credentials?)($|_|-)")
_IN_URL = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_IN_COMMAND = re.compile(r"(?i)((?:passw(?:or)?d|secret|token|api_?key|credentials?)=)('[^']*'|\"[^\"]*\"|\S+)")


def without_secrets(value: Any, key: str = "") -> Any:
    """Plain values with secrets replaced: those under a telling key, and the user part of an address.

    >>> without_secrets({"url": "postgresql://me:pw@host/db", "api_key": "x", "n": 3})
    {'url': 'postgresql://(hidden)@host/db', 'api_key': '(hidden)', 'n': 3}
    """
    if _SECRET_KEY.search(key) and value not in (None, ""):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(name): without_secrets(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_secrets(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _IN_URL.sub(HIDDEN, str(value))


def command(text: str) -> str:
    """Return a command line without secrets.

    >>> command("poolwise loop ledger.url=postgresql://me:pw@host/db hub.token='a b' seed=1")
    'poolwise loop ledger.url=postgresql://(hidden)@host/db hub.token=(hidden) seed=1'
    """
    return _IN_URL.sub(HIDDEN, _IN_COMMAND.sub(rf"\g<1>{HIDDEN}", text))


def as_yaml(config: Mapping[str, Any]) -> str:
    """Return the whole configuration as YAML, in its own order, without secrets."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    text: str = yaml.safe_dump(without_secrets(config), sort_keys=False, allow_unicode=True, width=110)
    return text

"""Keep secrets out of what is sent: a tracking server is read by more people than the machine the run was on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"

_WORD = r"(?:password|passwd|pwd|passphrase|secret|secrets|token|tokens|credential|credentials|auth|apikey|pat)"
_PAIR = r"(?:(?:api|access|private|account|secret|ssh|signing)[_.-]?key)"
_SECRET_KEY = re.compile(rf"(?:^|[_./-])(?:{_WORD}|{_PAIR})(?:$|[_./-])", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ANY_KEY = re.compile(
    r"(?<![\w./-])((?:[\w./-]*[_./-])?" + rf"(?:{_WORD}|{_PAIR})" + r"=)([^\s&,;'\"]+)", re.IGNORECASE
)
_LOGIN = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/?#@'\"]*(?:@[^\s/?#@'\"]*)*@")
_KNOWN_TOKEN = re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{20,}|dapi[0-9a-f]{20,}|AKIA[0-9A-Z]{16})\b")


def is_secret_key(key: str) -> bool:
    """Whether a setting of this name holds a secret.

    >>> [key for key in ("db.password", "apiToken", "access_key", "tokenizer", "author", "key") if is_secret_key(key)]
    ['db.password', 'apiToken', 'access_key']
    """
    return _SECRET_KEY.search(_CAMEL.sub("_", key)) is not None


def redact(text: str) -> str:
    """Take logins out of URLs, and the values of settings that hold secrets out of commands.

    >>> redact("poolwise loop ledger.url=postgresql://ada:s3cret@db/x api_token=abc seed=0")
    'poolwise loop ledger.url=postgresql://***@db/x api_token=*** seed=0'
    """
    text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
    text = _ANY_KEY.sub(rf"\1{HIDDEN}", text)
    return _KNOWN_TOKEN.sub(HIDDEN, text)


def without_secrets(value: Any) -> Any:
    """Return the same nested mappings and lists without the keys that hold secrets, texts redacted.

    >>> without_secrets({"url": "http://a:b@c", "password": "x", "n": [1, {"token": 2}]})
    {'url': 'http://***@c', 'n': [1, {}]}
    """
    if isinstance(value, Mapping):
        return {str(key): without_secrets(item) for key, item in value.items() if not is_secret_key(str(key))}
    if isinstance(value, (list, tuple)):
        return [without_secrets(item) for item in value]
    return redact(value) if isinstance(value, str) else value
